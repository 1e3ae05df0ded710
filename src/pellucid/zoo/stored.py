"""What a weights file holds, by names and shapes, without reading the numbers where the format allows."""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from torch import Tensor

from pellucid.core.errors import BadWeights
from pellucid.core.text import Text
from pellucid.inputs.checkpoints.archive import LARGEST_HEADER, kind_of, refuse_unsafe_zip, safetensors_header
from pellucid.inputs.checkpoints.checkpoint import read_sets, split_key
from pellucid.inputs.checkpoints.sharded import shards_of

_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
_WORDS = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}
_CONFIG = "model_weights_config.json"


@dataclass(frozen=True)
class Stored:
    """One tensor of a file.

    Args:
        name: dotted, as in the file.
        shape: its sizes.
        dtype: of its numbers, as torch and numpy call it.
        bytes: how many it takes in the file.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int

    @property
    def numbers(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)


def stored(path: str | Path) -> tuple[Stored, ...]:
    """The tensors of a weights file in its order: safetensors, shards, what `torch.save` wrote, ONNX, `.pt2`.

    Of safetensors, shards of it, ONNX and `.pt2` only names and shapes are read; a zip file of `torch.save` is mapped,
    not read. Nothing of the file runs.

    Args:
        path: the file; `FILE#KEY` for one of several sets in it.
    Raises:
        BadWeights: it is refused, damaged, or TorchScript.
    """
    file, _ = split_key(path)
    kind = kind_of(file)
    if kind == "safetensors":
        return tuple(_of_header(file))
    if kind == "index":
        return tuple(one for shard in shards_of(file) for one in stored(shard))
    if kind == "onnx":
        return tuple(_of_onnx(file))
    if kind == "exported":
        return tuple(_of_program(file))
    sets = read_sets(path)
    return tuple(_of_tensor(name, one) for name, one in next(iter(sets.values())).items())


def _of_tensor(name: str, one: Tensor) -> Stored:
    return Stored(name, tuple(one.shape), str(one.dtype).removeprefix("torch."), one.numel() * one.itemsize)


def _of_header(file: Path) -> Iterator[Stored]:
    try:
        told: dict[str, Any] = json.loads(safetensors_header(file))
        for name, one in told.items():
            if name == "__metadata__":
                continue
            shape, dtype = tuple(int(size) for size in one["shape"]), str(one["dtype"])
            start, end = one["data_offsets"]
            if min(shape, default=0) < 0 or prod(shape) * _BYTES.get(dtype, 1) > max(int(end) - int(start), 0):
                raise BadWeights(
                    Text(
                        f"'{file}' is refused: '{name}' claims {shape}, more than the file stores for it.",
                        f"拒绝读取 '{file}'：'{name}' 声称形状为 {shape}，超过文件中所存的大小。",
                    )
                )
            yield Stored(name, shape, _WORDS.get(dtype, dtype.lower()), int(end) - int(start))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, BadWeights):
            raise
        raise BadWeights(
            Text(f"'{file}' is damaged or cut short: {error}", f"'{file}' 已损坏或不完整：{error}"),
            hint=Text("copy or fetch it again", "请重新复制或下载该文件"),
        ) from error


def _of_onnx(file: Path) -> Iterator[Stored]:
    from onnx import helper

    from pellucid.zoo.onnx.file import onnx_proto

    for one in onnx_proto(file).graph.initializer:
        numbers = helper.tensor_dtype_to_np_dtype(one.data_type)
        yield Stored(one.name, tuple(one.dims), str(numbers), prod(one.dims) * numbers.itemsize)


def _of_program(file: Path) -> Iterator[Stored]:
    refuse_unsafe_zip(file)
    try:
        with zipfile.ZipFile(file) as archive:
            name = next((one for one in archive.namelist() if one.endswith(_CONFIG)), "")
            if not name or archive.getinfo(name).file_size > LARGEST_HEADER:
                raise BadWeights(
                    Text(f"'{file}' does not say which weights it holds.", f"'{file}' 没有说明含有哪些权重。"),
                    hint=Text("export it with torch 2.9 or newer", "请用 torch 2.9 或更新的版本导出"),
                )
            told: dict[str, Any] = json.loads(archive.read(name))["config"]
            sizes = {one.filename.rpartition("/")[2]: one.file_size for one in archive.infolist()}
        for tensor, one in told.items():
            shape = tuple(int(size["as_int"]) for size in (one["tensor_meta"] or {"sizes": []})["sizes"])
            yield Stored(tensor, shape, _dtype(one), sizes.get(str(one["path_name"]), 0))
    except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError) as error:
        if isinstance(error, BadWeights):
            raise
        raise BadWeights(
            Text(f"'{file}' is damaged: {error!r}", f"'{file}' 已损坏：{error!r}"),
            hint=Text("copy or fetch it again", "请重新复制或下载该文件"),
        ) from error


def _dtype(one: dict[str, Any]) -> str:
    from torch._export.serde.schema import ScalarType

    made = ScalarType((one["tensor_meta"] or {"dtype": 0})["dtype"]).name.lower()
    return {"float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32"}.get(made, made)
