"""From an ONNX graph to modules of torch with names that can be addressed."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor, fx, nn

from pellucid.core.errors import BadSetting, BadWeights, PellucidError
from pellucid.core.text import Text
from pellucid.zoo.onnx.names import paths_of, plain
from pellucid.zoo.onnx.older import lower
from pellucid.zoo.onnx.operators import register

_ANONYMOUS = ("onnx::", "val_", "/")


def converted(onnx: Any, proto: Any, path: Path) -> nn.Module:
    """The graph as a module: its operations are submodules, its weights parameters.

    Names of the file never become code: what is compiled for the graph holds letters, digits and underscores only.

    Raises:
        BadSetting: an operator is not converted, with its name.
        BadWeights: the graph contradicts itself.
    """
    try:
        proto = onnx.shape_inference.infer_shapes(proto)
    except Exception as error:  # classes of the library's own, for graphs that contradict themselves
        raise BadWeights(
            Text(f"'{path}' is damaged: {_first_line(error)}", f"'{path}' 已损坏：{_first_line(error)}"),
            hint=Text("copy or fetch it again", "请重新复制或下载该文件"),
        ) from error
    lower(proto)
    register()
    _refuse_unknown(proto, path)
    names = paths_of(proto.graph.node, {one.name for one in proto.graph.initializer})
    for at, node in enumerate(proto.graph.node):
        node.name, node.domain = f"n{at}", ""
        node.ClearField("metadata_props")
    from onnx2torch import convert

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = convert(proto, attach_onnx_mapping=True)
    except PellucidError:
        raise
    except NotImplementedError as error:
        raise BadSetting(
            Text(f"'{path}' cannot be converted: {_first_line(error)}.", f"无法转换 '{path}'：{_first_line(error)}。"),
            hint=Text(
                "export the model again with opset_version=17, or open the code that it was made of",
                "请以 opset_version=17 重新导出模型，或打开生成它的代码",
            ),
        ) from error
    except Exception as error:  # the converters check little, and fail in many classes
        raise BadSetting(
            Text(
                f"'{path}' cannot be converted: {type(error).__name__}: {_first_line(error)}",
                f"无法转换 '{path}'：{type(error).__name__}: {_first_line(error)}",
            ),
            hint=Text("open the code that the model was made of", "请打开生成它的代码"),
        ) from error
    return _renamed(made, names)


def _refuse_unknown(proto: Any, path: Path) -> None:
    from onnx2torch.node_converters import get_converter

    version = {one.domain: one.version for one in proto.opset_import}
    lacking: dict[str, str] = {}
    for node in proto.graph.node:
        try:
            if node.domain:
                raise NotImplementedError
            get_converter(node.op_type, version.get("", 1), "")
        except NotImplementedError:
            name = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
            lacking.setdefault(name, node.name or next(iter(node.output), ""))
    if lacking:
        first = next(iter(lacking))
        several = f"{len(lacking)} operators of the file" if len(lacking) > 1 else "An operator of the file"
        raise BadSetting(
            Text(
                f"'{path}': {several} cannot be converted: {', '.join(sorted(lacking))} (first at '{lacking[first]}').",
                f"'{path}'：无法转换的运算：{'、'.join(sorted(lacking))}（最先出现在 '{lacking[first]}'）。",
            ),
            hint=Text(
                "open the code that the model was made of; its weights alone: pellucid.zoo.tree.weight_tree(FILE)",
                "请打开生成它的代码；只看权重：pellucid.zoo.tree.weight_tree(FILE)",
            ),
        )


def _renamed(made: fx.GraphModule, names: list[str]) -> nn.Module:
    """The same graph over modules and weights under their own names."""
    root, graph = nn.Module(), fx.Graph()
    weights: dict[str, fx.Node] = {}
    values: dict[fx.Node, fx.Node] = {}
    for node in made.graph.nodes:
        if node.op == "get_attr":
            continue
        target = names[int(str(node.target)[1:])] if node.op == "call_module" else node.target
        if node.op == "call_module":
            module = made.get_submodule(str(node.target))
            for one, name in _read_weights(node, module.onnx_mapping):
                if name not in weights:
                    value = made.get_buffer(str(one.target))
                    place = _place(root, _weight_name(name, str(target)), value, learned=_is_learned(name, value))
                    weights[name] = graph.get_attr(place)
                values[one] = weights[name]
            _place_module(root, str(target), module)
        values[node] = graph.node_copy(node, values.__getitem__)
        values[node].target = target
    return fx.GraphModule(root, graph, class_name="OnnxGraph").eval()


def _read_weights(node: fx.Node, mapping: Any) -> Iterator[tuple[fx.Node, str]]:
    """The weights that a node reads as inputs, with their names in the file."""
    given = [*node.args, *node.kwargs.values()]
    named = [name for name in mapping.inputs if name]
    for one, name in zip(given, named, strict=False):
        if isinstance(one, fx.Node) and one.op == "get_attr":
            yield one, name


def _weight_name(name: str, reader: str) -> str:
    """Its own name in the file; that of the operation that reads it where the exporter made one up."""
    return f"{reader}.weight" if name.startswith(_ANONYMOUS) else plain(name)


def _is_learned(name: str, value: Tensor) -> bool:
    """Whether numbers are weights: more than one, and no filling that the exporter made up, as a state of zeros."""
    filling = name.startswith(_ANONYMOUS) and value.numel() > 0 and bool((value == value.flatten()[0]).all())
    return value.is_floating_point() and value.numel() > 1 and not filling


def _place(root: nn.Module, name: str, value: Tensor, *, learned: bool) -> str:
    *folders, last = name.split(".")
    place = _folder(root, folders)
    while hasattr(place, last):
        last += "_"
    if learned:
        place.register_parameter(last, nn.Parameter(value))
    else:
        place.register_buffer(last, value)
    return ".".join([*folders, last])


def _place_module(root: nn.Module, name: str, module: nn.Module) -> None:
    """Put it where its name says; weights that were put there before stay."""
    *folders, last = name.split(".")
    place = _folder(root, folders)
    before = place._modules.get(last)  # noqa: SLF001 - a part of a name may be any word
    if before is not None:
        module._parameters.update(before._parameters)  # noqa: SLF001
        module._buffers.update(before._buffers)  # noqa: SLF001
        module._modules.update(before._modules)  # noqa: SLF001
    place._modules[last] = module  # noqa: SLF001


def _folder(root: nn.Module, parts: list[str]) -> nn.Module:
    place = root
    for part in parts:
        inner = place._modules.get(part)  # noqa: SLF001
        if inner is None:
            inner = nn.Module()
            place._modules[part] = inner  # noqa: SLF001
        place = inner
    return place


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:300]
