"""Networks out of ONNX files, through onnx2torch: read, checked, converted, named, compared."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import torch

from pellucid.core.errors import BadSetting, BadWeights
from pellucid.core.text import Text
from pellucid.zoo.onnx.compared import compared
from pellucid.zoo.onnx.converted import converted
from pellucid.zoo.opened import OpenedModel, StatedInput

_CONVERTED = Text(
    "The network is the graph of an ONNX file: its operations are modules, named as the file names them.",
    "网络是 ONNX 文件中的计算图：每个运算是一个模块，名称取自文件。",
    aside=True,
)
_EXTERNAL = 1  # TensorProto.EXTERNAL


def open_onnx(path: Path) -> OpenedModel:
    """The network of an ONNX file. Where onnxruntime is installed, its output is compared with the one it gives.

    Raises:
        BadSetting: a library is missing, or an operator is not converted, with its name.
        BadWeights: the file is damaged, or its weights lie outside its folder.
    """
    onnx = _library("onnx")
    _library("onnx2torch")
    proto = _read(onnx, path)
    inputs = tuple(_inputs(onnx, proto))
    labels = _labels(proto)
    model = converted(onnx, proto, path)
    return OpenedModel(
        model, path.stem, labels=labels, notes=(_CONVERTED, *compared(model, path, inputs)), inputs=inputs
    )


def onnx_proto(path: Path) -> Any:
    """The graph of an ONNX file without the numbers of its weights, for names and shapes alone.

    Raises:
        BadWeights: the file is damaged.
    """
    return _parsed(_library("onnx"), path)


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise BadSetting(
            Text(f"{name} is not installed.", f"没有安装 {name}。"), hint="pip install 'pellucid[onnx]'"
        ) from error


def _parsed(onnx: Any, path: Path) -> Any:
    try:
        proto = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # damaged bytes make the reader raise classes of protobuf
        raise BadWeights(
            Text(
                f"'{path}' is damaged, or no ONNX file: {str(error)[:200]}",
                f"'{path}' 已损坏，或不是 ONNX 文件：{str(error)[:200]}",
            ),
            hint=Text("copy or fetch it again", "请重新复制或下载该文件"),
        ) from error
    if not proto.graph.node and not proto.graph.initializer:
        raise BadWeights(
            Text(
                f"'{path}' is damaged, or no ONNX file: it holds no graph.",
                f"'{path}' 已损坏，或不是 ONNX 文件：其中没有计算图。",
            ),
            hint=Text("copy or fetch it again", "请重新复制或下载该文件"),
        )
    return proto


def _read(onnx: Any, path: Path) -> Any:
    proto = _parsed(onnx, path)
    outside = [one for one in _tensors(proto) if one.data_location == _EXTERNAL]
    for one in outside:
        _refuse_elsewhere(one, path)
    if outside:
        try:
            onnx.load_external_data_for_model(proto, str(path.parent))
        except Exception as error:  # sizes that do not fit, files cut short
            raise BadWeights(
                Text(
                    f"The weights beside '{path}' cannot be read: {str(error)[:200]}",
                    f"无法读取 '{path}' 旁边的权重：{str(error)[:200]}",
                )
            ) from error
    return proto


def _tensors(proto: Any) -> Iterator[Any]:
    yield from proto.graph.initializer
    for node in [*proto.graph.node, *(inner for one in proto.functions for inner in one.node)]:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                raise BadSetting(
                    Text(
                        f"The operator {node.op_type} of the file holds a graph of its own, which is not converted.",
                        f"文件中的运算 {node.op_type} 自带计算图，不能转换。",
                    ),
                    hint=Text(
                        "export the model without branches and loops, or open the code that it was made of",
                        "请导出没有分支与循环的模型，或打开生成它的代码",
                    ),
                )
            if attribute.HasField("t"):
                yield attribute.t


def _refuse_elsewhere(tensor: Any, path: Path) -> None:
    """Weights kept in a file of their own lie beside the ONNX file, and have the bytes that they claim."""
    told = {one.key: one.value for one in tensor.external_data}
    place = told.get("location", "")
    file = path.parent / place
    odd = "\\" in place or "\0" in place or ":" in place or PurePosixPath(place).is_absolute()
    if not place or odd or ".." in PurePosixPath(place).parts or file.is_symlink():
        raise BadWeights(
            Text(
                f"'{path}' is refused: the weights '{tensor.name}' lie at {place!r}, outside its folder.",
                f"拒绝读取 '{path}'：权重 '{tensor.name}' 位于 {place!r}，在其文件夹之外。",
            )
        )
    if not file.is_file():
        raise BadWeights(
            Text(
                f"The weights of '{path}' are not beside it: there is no '{place}'.",
                f"'{path}' 的权重不在它旁边：没有 '{place}'。",
            ),
            hint=Text("copy both files", "请把两个文件都复制过来"),
        )
    try:
        start, length = int(told.get("offset", 0)), int(told.get("length", 0))
    except ValueError:
        start, length = -1, 0
    if start < 0 or length < 0 or start + length > file.stat().st_size:
        raise BadWeights(
            Text(
                f"'{path}' is refused: '{tensor.name}' claims bytes that '{place}' does not have.",
                f"拒绝读取 '{path}'：'{tensor.name}' 声称的字节在 '{place}' 中并不存在。",
            )
        )


def _inputs(onnx: Any, proto: Any) -> Iterator[StatedInput]:
    weights = {one.name for one in proto.graph.initializer}
    for one in proto.graph.input:
        kind = one.type.tensor_type
        if one.name in weights or not one.type.HasField("tensor_type"):
            continue
        shape = tuple(size.dim_value if size.dim_value > 0 else None for size in kind.shape.dim)
        try:
            numbers = str(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
        except (KeyError, ValueError):
            numbers = "float32"
        yield StatedInput(one.name, shape, getattr(torch, numbers, torch.float32))


def _labels(proto: Any) -> tuple[str, ...] | None:
    """Class names, where the file states them as a list or by number."""
    for one in proto.metadata_props:
        if one.key.lower() in ("names", "classes", "labels", "class_names") and len(one.value) < 1_000_000:
            try:
                held = ast.literal_eval(one.value)
            except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
                continue
            if isinstance(held, dict) and set(held) == set(range(len(held))):
                held = [held[at] for at in range(len(held))]
            if isinstance(held, (list, tuple)) and held:
                return tuple(map(str, held))
    return None
