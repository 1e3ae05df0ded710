"""A newer ONNX graph said in the operators of version 17, where they can say the same."""

from typing import Any

import numpy as np

from pellucid.core.errors import BadSetting
from pellucid.core.text import Text

VERSION, NEWEST = 17, 23
# What version 18 and later let an input say, and 17 an attribute.
_REDUCE = tuple(
    f"Reduce{one}" for one in ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "SumSquare")
)
_ADDED = "#sizes"
# Attributes that came later, with the values under which they change nothing.
_LATER: dict[str, dict[str, Any]] = {
    "Resize": {"antialias": 0, "keep_aspect_ratio_policy": b"stretch"},
    "AveragePool": {"dilations": None},
    "Cast": {"saturate": 1, "round_mode": b"up"},
    "Reshape": {"allowzero": 0},
    "Shape": {},
}


def lower(model: Any) -> None:
    """Rewrite the graph in place, so that version 17 of the operators says the same.

    Constants become weights, aliases of weights the weights themselves; what newer operators take as inputs becomes
    attributes again. From version 18 to 23 the other operators changed only in the number types that they allow.

    Raises:
        BadSetting: an operator does something that version 17 cannot say.
    """
    graph = model.graph
    version = next((one.version for one in model.opset_import if one.domain in ("", "ai.onnx")), 1)
    if version > NEWEST:
        raise BadSetting(
            Text(
                f"The file uses version {version} of ONNX's operators; up to {NEWEST} are read.",
                f"该文件使用 ONNX 运算的第 {version} 版；最高支持第 {NEWEST} 版。",
            ),
            hint=Text(f"export it with opset_version={VERSION}", f"请以 opset_version={VERSION} 导出"),
        )
    _constants_as_weights(graph)
    held = {one.name: one for one in graph.initializer}
    _without_aliases(graph, held)
    told = [*graph.value_info, *graph.input, *graph.output]
    sizes = {one.name: tuple(size.dim_value for size in one.type.tensor_type.shape.dim) for one in told}
    for node in graph.node:
        if node.domain in ("", "ai.onnx"):
            node.domain = ""
            _lowered(node, held, version, sizes)
    graph.initializer.extend(one for name, one in held.items() if name.endswith(_ADDED))
    for one in model.opset_import:
        if one.domain in ("", "ai.onnx"):
            one.domain, one.version = "", min(one.version, VERSION)


def _constants_as_weights(graph: Any) -> None:
    kept = []
    for node in graph.node:
        value = next((one for one in node.attribute if one.name == "value"), None)
        if node.op_type != "Constant" or node.domain not in ("", "ai.onnx") or value is None:
            kept.append(node)
            continue
        graph.initializer.add().CopyFrom(value.t)
        graph.initializer[-1].name = node.output[0]
    if len(kept) < len(graph.node):
        _replace(graph.node, kept)


def _without_aliases(graph: Any, held: dict[str, Any]) -> None:
    """Exporters write shared weights once and pass them through `Identity`."""
    outputs = {one.name for one in graph.output}
    alias: dict[str, str] = {}
    kept = []
    for node in graph.node:
        for at, name in enumerate(node.input):
            node.input[at] = alias.get(name, name)
        if node.op_type == "Identity" and node.input[0] in held and node.output[0] not in outputs:
            alias[node.output[0]] = node.input[0]
        else:
            kept.append(node)
    if alias:
        _replace(graph.node, kept)


def _replace(nodes: Any, kept: list[Any]) -> None:
    copies = [type(one)() for one in kept]
    for copy, one in zip(copies, kept, strict=True):
        copy.CopyFrom(one)
    del nodes[:]
    nodes.extend(copies)


def _lowered(node: Any, held: dict[str, Any], version: int, sizes: dict[str, tuple[int, ...]]) -> None:
    if node.op_type in _REDUCE and version >= 18:
        _axes_as_attribute(node, held)
    elif node.op_type == "Pad" and version >= 18 and len(node.input) > 3 and node.input[3]:
        raise _unsaid(node, "pads along chosen axes")
    elif node.op_type == "Split" and version >= 18 and _attribute(node, "num_outputs") is not None:
        _pieces_told(node, held, sizes)
    elif node.op_type == "Reshape" and _attribute(node, "allowzero") == 1:
        shape = _constant(node.input[1], held)
        if shape is None or 0 in shape:
            raise _unsaid(node, "takes 0 as a size")
    for name, usual in _LATER.get(node.op_type, {}).items():
        value = _attribute(node, name)
        harmless = value is None or value == usual or (usual is None and set(value) == {1}) or name == "allowzero"
        if not harmless and version >= 18:
            raise _unsaid(node, f"has {name}={value!r}")
        if value is not None and (version >= 18 or name == "allowzero"):
            _without(node, name)


def _pieces_told(node: Any, held: dict[str, Any], sizes: dict[str, tuple[int, ...]]) -> None:
    """Version 17 splits into equal pieces; where the last one is smaller, each size is said."""
    pieces, axis = len(node.output), _attribute(node, "axis") or 0
    shape = sizes.get(node.input[0], ())
    whole = shape[axis] if shape and -len(shape) <= axis < len(shape) else 0
    if not whole:
        raise _unsaid(node, "splits an axis of unknown size")
    each = -(-whole // pieces)
    _without(node, "num_outputs")
    if whole % pieces:
        from onnx import numpy_helper

        name = f"{node.output[0]}{_ADDED}"
        given = np.array([each] * (pieces - 1) + [whole - each * (pieces - 1)], np.int64)
        held[name] = numpy_helper.from_array(given, name)
        node.input.append(name)


def _axes_as_attribute(node: Any, held: dict[str, Any]) -> None:
    idle = _attribute(node, "noop_with_empty_axes")
    axes = _constant(node.input[1], held) if len(node.input) > 1 and node.input[1] else ()
    if axes is None:
        raise _unsaid(node, "computes its axes while it runs")
    if idle and not len(axes):
        raise _unsaid(node, "has noop_with_empty_axes=1")
    _without(node, "noop_with_empty_axes")
    del node.input[1:]
    if len(axes):
        made = node.attribute.add()
        made.name, made.type = "axes", 7  # the number of INTS
        made.ints.extend(int(one) for one in axes)


def _constant(name: str, held: dict[str, Any]) -> np.ndarray | None:
    from onnx import numpy_helper

    return numpy_helper.to_array(held[name]) if name in held else None


def _attribute(node: Any, name: str) -> Any:
    from onnx import helper

    found = next((one for one in node.attribute if one.name == name), None)
    return None if found is None else helper.get_attribute_value(found)


def _without(node: Any, name: str) -> None:
    kept = [one for one in node.attribute if one.name != name]
    copies: list[Any] = [type(one)() for one in kept]
    for copy, one in zip(copies, kept, strict=True):
        copy.CopyFrom(one)
    del node.attribute[:]
    node.attribute.extend(copies)


def _unsaid(node: Any, what: str) -> BadSetting:
    return BadSetting(
        f"The operator {node.op_type} of the file {what}, which is not converted.",
        hint="export the model again with opset_version=17, or open the code that it was made of",
    )
