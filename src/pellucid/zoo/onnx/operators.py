"""ONNX operators that onnx2torch lacks, as the modules of torch that compute them."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pellucid.zoo.onnx.older import VERSION

_SAME = {"GreaterOrEqual": (12, 16), "LessOrEqual": (12, 16)}  # only the number types were widened
_LSTM, _GRU = (0, 2, 3, 1), (1, 0, 2)  # where torch's gates lie among ONNX's: i f g o, r z n


def register() -> None:
    """Tell onnx2torch of the operators below; once is enough, and again does nothing."""
    from onnx2torch.node_converters import registry

    held = registry._CONVERTER_REGISTRY  # noqa: SLF001 - `add_converter` refuses what is known already
    for operation, (older, newer) in _SAME.items():
        described = registry.OperationDescription("", operation, newer)
        held.setdefault(described, held[registry.OperationDescription("", operation, older)])
    for operation, (make, versions) in _MADE.items():
        for version in versions:
            described = registry.OperationDescription("", operation, version)
            held[described] = _converter(make)


class Part(nn.Module):
    """Ranges along axes (`Slice`); onnx2torch's own indexes in a way that torch has deprecated."""

    def forward(
        self, x: Tensor, starts: Tensor, ends: Tensor, axes: Tensor | None = None, steps: Tensor | None = None
    ) -> Tensor:
        """The elements from each start to each end, backwards where a step is negative."""
        along = range(starts.numel()) if axes is None else axes.tolist()
        by = [1] * starts.numel() if steps is None else steps.tolist()
        for axis, start, end, step in zip(along, starts.tolist(), ends.tolist(), by, strict=True):
            taken = range(*slice(start, end, step).indices(x.shape[axis]))
            if step > 0:
                before = (slice(None),) * (axis % x.ndim)
                x = x[(*before, slice(taken.start, max(taken.start, taken.stop), step))]
            else:
                x = x.index_select(axis, torch.tensor(list(taken), dtype=torch.long, device=x.device))
        return x


class Norm(nn.Module):
    """Layer normalisation with a scale that the graph computes (`LayerNormalization`)."""

    def __init__(self, axis: int, eps: float) -> None:
        super().__init__()
        self.axis, self.eps = axis, eps

    def forward(self, x: Tensor, scale: Tensor, bias: Tensor | None = None) -> Tensor:
        """Over the axes from that one on."""
        return functional.layer_norm(x, x.shape[self.axis :], scale, bias, self.eps)


class Triangle(nn.Module):
    """The upper or lower triangle of a matrix, zeros elsewhere (`Trilu`)."""

    def __init__(self, *, upper: bool) -> None:
        super().__init__()
        self.upper = upper

    def forward(self, x: Tensor, diagonal: Tensor | None = None) -> Tensor:
        """The triangle above or below that diagonal."""
        k = 0 if diagonal is None else int(diagonal)
        return torch.triu(x, k) if self.upper else torch.tril(x, k)


class Recurrent(nn.Module):
    """`LSTM` and `GRU` with the layout of ONNX: `time direction batch feature`."""

    def __init__(self, inner: nn.LSTM | nn.GRU, outputs: int) -> None:
        super().__init__()
        self.inner, self.outputs = inner, outputs

    def forward(self, x: Tensor, hidden: Tensor | None = None, cell: Tensor | None = None) -> Any:
        """All states, the last one and, of an LSTM, its cell; as many as the graph reads."""
        directions = 2 if self.inner.bidirectional else 1
        start = x.new_zeros(directions, x.shape[1], self.inner.hidden_size)
        first = start if hidden is None else hidden
        if isinstance(self.inner, nn.LSTM):
            every, (last, kept) = self.inner(x, (first, start if cell is None else cell))
            given = (_by_direction(every, directions), last, kept)
        else:
            every, last = self.inner(x, first)
            given = (_by_direction(every, directions), last)
        return given[0] if self.outputs == 1 else given


def _by_direction(every: Tensor, directions: int) -> Tensor:
    return every.unflatten(2, (directions, -1)).transpose(1, 2)


def _converter(make: Any) -> Any:
    """What onnx2torch calls for a node: the module, and which values of the graph it takes and gives."""
    from onnx2torch.utils.common import OnnxMapping, OperationConverterResult

    def converter(node: Any, graph: Any) -> Any:
        module, taken = make(node, graph)
        return OperationConverterResult(module, OnnxMapping(inputs=taken, outputs=node.output_values))

    return converter


def _part(node: Any, _: Any) -> tuple[nn.Module, tuple[str, ...]]:
    return Part(), node.input_values


def _norm(node: Any, graph: Any) -> tuple[nn.Module, tuple[str, ...]]:
    """onnx2torch reads the normalized sizes off shapes that a file may leave open; here they are those of the scale."""
    axis, eps = int(node.attributes.get("axis", -1)), float(node.attributes.get("epsilon", 1e-5))
    names = tuple(name for name in node.input_values[1:] if name)
    if not all(name in graph.initializers for name in names):
        return Norm(axis, eps), node.input_values
    scale, *rest = (graph.initializers[name].to_torch() for name in names)
    made = nn.LayerNorm(scale.shape, eps, bias=bool(rest))
    with torch.no_grad():
        made.weight.copy_(scale)
        for one in rest:
            made.bias.copy_(one)
    return made.to(scale.dtype), node.input_values[:1]


def _gelu(node: Any, _: Any) -> tuple[nn.Module, tuple[str, ...]]:
    return nn.GELU(approximate=node.attributes.get("approximate", "none")), node.input_values


def _mish(node: Any, _: Any) -> tuple[nn.Module, tuple[str, ...]]:
    return nn.Mish(), node.input_values


def _triangle(node: Any, _: Any) -> tuple[nn.Module, tuple[str, ...]]:
    return Triangle(upper=bool(node.attributes.get("upper", 1))), node.input_values


def _recurrent(node: Any, graph: Any) -> tuple[nn.Module, tuple[str, ...]]:
    _refuse_unusual(node, graph)
    names = (*node.input_values, *[""] * 8)
    weight, recurrent = (graph.initializers[one].to_torch() for one in names[1:3])
    bias = graph.initializers[names[3]].to_torch() if names[3] else None
    long = node.operation_type == "LSTM"
    size, order = int(node.attributes["hidden_size"]), _LSTM if long else _GRU
    kind = nn.LSTM if long else nn.GRU
    inner = kind(weight.shape[2], size, bias=bias is not None, bidirectional=weight.shape[0] == 2)

    def sorted_gates(one: Tensor) -> Tensor:
        return torch.cat([one[at * size : (at + 1) * size] for at in order])

    with torch.no_grad():
        for at, end in enumerate(("", "_reverse")[: weight.shape[0]]):
            given = {"weight_ih": weight[at], "weight_hh": recurrent[at]}
            if bias is not None:
                given["bias_ih"], given["bias_hh"] = bias[at].chunk(2)
            for name, one in given.items():
                getattr(inner, f"{name}_l0{end}").copy_(sorted_gates(one))
    return Recurrent(inner, len(node.output_values)), (names[0], *names[5 : 7 if long else 6])


def _refuse_unusual(node: Any, graph: Any) -> None:
    """What the modules of torch do not compute."""
    told, names = node.attributes, (*node.input_values, *[""] * 8)
    usual = (
        told.get("direction", "forward") in ("forward", "bidirectional")
        and not told.get("layout", 0)
        and not told.get("clip")
        and not told.get("input_forget", 0)
        and not told.get("activations")
        and (node.operation_type == "LSTM" or told.get("linear_before_reset", 0) == 1)
        and not (names[4] or names[7])
        and all(one in graph.initializers for one in names[1:4] if one)
    )
    if not usual:
        raise NotImplementedError(f"{node.operation_type} with unusual settings")


_MADE: dict[str, tuple[Any, tuple[int, ...]]] = {
    "Slice": (_part, (10, 11, 13)),
    "LayerNormalization": (_norm, (VERSION,)),
    "Gelu": (_gelu, (VERSION,)),
    "Mish": (_mish, (VERSION,)),
    "Trilu": (_triangle, (14,)),
    "LSTM": (_recurrent, (7, 14)),
    "GRU": (_recurrent, (7, 14)),
}
