"""What is known of operations: which change cell by cell, which read a neighbourhood, which join, what each costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from torch import Tensor

from pellucid.engine.cones.boxes import Grid, Reach

CELLWISE = frozenset(
    {
        *("relu", "relu6", "hardtanh", "clamp", "clip", "clamp_min", "clamp_max", "leaky_relu"),
        *("elu", "selu", "celu", "silu", "mish", "gelu", "sigmoid"),
        *("logsigmoid", "tanh", "hardswish", "hardsigmoid", "hardshrink"),
        *("softshrink", "softplus", "softsign", "tanhshrink", "threshold"),
        *("rrelu", "exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "square"),
        *("abs", "neg", "sign", "sin", "cos", "erf", "pow", "reciprocal"),
        *("add", "sub", "mul", "div", "maximum", "minimum", "rsub"),
        *("lerp", "contiguous", "clone", "detach", "to", "float", "double"),
        *("dropout", "dropout1d", "dropout2d", "dropout3d"),
        *("alpha_dropout", "feature_dropout", "feature_alpha_dropout"),
    }
)
CHANNELWISE = frozenset({"batch_norm", "prelu"})
"""Cell by cell, with constants that count the channels."""
POINTWISE = CELLWISE | CHANNELWISE
_TRAINED = frozenset({"batch_norm", "rrelu", *(name for name in CELLWISE if "dropout" in name)})
CONVOLUTIONS = {"conv1d": 1, "conv2d": 2, "conv3d": 3}
TRANSPOSED = {"conv_transpose1d": 1, "conv_transpose2d": 2, "conv_transpose3d": 3}
MAX_POOLS = {"max_pool1d": 1, "max_pool2d": 2, "max_pool3d": 3}
MEAN_POOLS = {"avg_pool1d": 1, "avg_pool2d": 2, "avg_pool3d": 3}
_NORM_POOLS = {"lp_pool1d": 1, "lp_pool2d": 2, "lp_pool3d": 3}

_CONVOLUTION = (("weight", None), ("bias", None), ("stride", 1), ("padding", 0), ("dilation", 1), ("groups", 1))
_TRANSPOSED = (*_CONVOLUTION[:4], ("output_padding", 0), ("groups", 1), ("dilation", 1))
_MAX_POOL = (("kernel_size", 1), ("stride", None), ("padding", 0), ("dilation", 1), ("ceil_mode", False))
_MEAN_POOL = (
    ("kernel_size", 1),
    ("stride", None),
    ("padding", 0),
    ("ceil_mode", False),
    ("count_include_pad", True),
    ("divisor_override", None),
)
_NORM_POOL = (("norm_type", 2), ("kernel_size", 1), ("stride", None), ("ceil_mode", False), ("padding", 0))


def trains(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether an operation that has a training behaviour is called with it; where that is not told, it may be."""
    if name not in _TRAINED:
        return False
    if "training" in kwargs or "train" in kwargs:
        return bool(kwargs.get("training", kwargs.get("train")))
    place = {"batch_norm": 5, "rrelu": 3}.get(name, 2)
    return bool(args[place]) if len(args) > place else True


@dataclass(frozen=True)
class Window:
    """A convolution or pool as it was called.

    Args:
        given: its arguments after the input, by name, without what the geometry says.
        blank: what lies beyond the edge.
    """

    kind: str
    reach: Reach
    given: Mapping[str, Any]
    blank: float = 0.0


def window_of(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Window | None:
    """How a call reads a neighbourhood; None if it is not such a call, or reads its edge in another way."""
    window = neighbourhood(name, args, kwargs)
    if window is None or window.kind == "norm" or name.endswith("_with_indices") or kwargs.get("return_indices"):
        return None
    given = window.given
    if window.kind == "transposed" and (window.reach.span < window.reach.stride).any():
        return None
    if window.kind == "mean" and (given["ceil_mode"] or (any(window.reach.padding) and not given["count_include_pad"])):
        return None
    return window


def neighbourhood(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Window | None:
    """`window_of` any convolution or pool, whatever it does at the edge."""
    if name in CONVOLUTIONS:
        return _convolution(CONVOLUTIONS[name], _bound(_CONVOLUTION, args, kwargs))
    if name in TRANSPOSED:
        return _transposed(TRANSPOSED[name], _bound(_TRANSPOSED, args, kwargs))
    name = name.removesuffix("_with_indices")
    if name in MAX_POOLS:
        rank, given = MAX_POOLS[name], _bound(_MAX_POOL, args, kwargs)
        return Window("max", _pool_reach(given, rank, given["dilation"]), given, -float("inf"))
    if name in MEAN_POOLS:
        rank, given = MEAN_POOLS[name], _bound(_MEAN_POOL, args, kwargs)
        return Window("mean", _pool_reach(given, rank, 1), given)
    if name in _NORM_POOLS:
        rank, given = _NORM_POOLS[name], _bound(_NORM_POOL, args, kwargs)
        return Window("norm", _pool_reach(given, rank, 1), given)
    return None


def enlarging(name: str, kwargs: Mapping[str, Any], grid: Grid, out: Grid) -> Window | None:
    """An interpolation that repeats every cell a whole number of times; None for any other."""
    if name != "interpolate" or kwargs.get("mode", "nearest") not in ("nearest", "nearest-exact"):
        return None
    times = tuple(b // a for a, b in zip(grid, out, strict=True))
    if any(a * each != b for a, each, b in zip(grid, times, out, strict=True)):
        return None
    rank = len(grid)
    return Window("nearest", Reach(times, times, (0,) * rank, (1,) * rank), {})


def _bound(names: tuple[tuple[str, Any], ...], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    given = {**dict(names), **{name: value for (name, _), value in zip(names, args[1:], strict=False)}}
    return {**given, **{key: value for key, value in kwargs.items() if key in given}}


def _convolution(rank: int, given: dict[str, Any]) -> Window | None:
    weight = given["weight"]
    if not isinstance(weight, Tensor):
        return None
    kernel, dilation = tuple(weight.shape[2:]), _each(given["dilation"], rank)
    if given["padding"] == "same":
        padding = tuple(d * (k - 1) // 2 for d, k in zip(dilation, kernel, strict=True))
    else:
        padding = (0,) * rank if given["padding"] == "valid" else _each(given["padding"], rank)
    return Window("conv", Reach(kernel, _each(given["stride"], rank), padding, dilation), given)


def _transposed(rank: int, given: dict[str, Any]) -> Window | None:
    weight = given["weight"]
    if not isinstance(weight, Tensor):
        return None
    padding, dilation = _each(given["padding"], rank), _each(given["dilation"], rank)
    reach = Reach(tuple(weight.shape[2:]), _each(given["stride"], rank), padding, dilation)
    return Window("transposed", reach, given)


def _pool_reach(given: Mapping[str, Any], rank: int, dilation: Any) -> Reach:
    kernel = _each(given["kernel_size"], rank)
    stride = kernel if given["stride"] in (None, (), []) else _each(given["stride"], rank)
    return Reach(kernel, stride, _each(given["padding"], rank), _each(dilation, rank))


def _each(value: Any, rank: int) -> Grid:
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return tuple(int(one) for one in (values * rank if len(values) == 1 else values))


def multiplications(name: str, tensors: list[tuple[int, ...]], out: tuple[int, ...]) -> float:
    """About how many multiplications a call takes, from the shapes of the tensors that it reads and of its output."""
    if name in CONVOLUTIONS and len(tensors) > 1:
        return prod(out) * prod(tensors[1][1:])
    if name in TRANSPOSED and len(tensors) > 1:
        return prod(tensors[0]) * prod(tensors[1][1:])
    if name in ("linear", "matmul", "baddbmm", "addmm") and tensors and tensors[0]:
        return prod(out) * tensors[0][-1]
    if name == "scaled_dot_product_attention" and len(tensors) > 1:
        return 2 * prod(tensors[0]) * tensors[1][-2]
    return 0.0
