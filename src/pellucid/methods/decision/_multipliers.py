"""DeepLIFT's multiplier of every operation that is not linear, on a batch that holds the inputs and then the baselines."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pellucid.core.sites import Place
from pellucid.core.text import Text
from pellucid.engine.constants import arguments
from pellucid.engine.operations import Operation
from pellucid.engine.passes import Seen
from pellucid.ops import deep_lift as lift
from pellucid.ops.deep_lift import Two

EXACT = frozenset(
    {"relu", "relu6", "hardtanh", "threshold", "clamp", "clamp_min", "clamp_max", "leaky_relu", "prelu", "rrelu"}
    | {"abs", "hardshrink", "softshrink"}
)
CURVED = frozenset(
    {"elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "hardswish", "sigmoid", "tanh", "hardsigmoid"}
    | {"softsign", "logsigmoid", "tanhshrink", "exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "square", "reciprocal"}
    | {"sin", "cos", "atan", "erf", "pow", "rdiv"}
)
PRODUCTS = frozenset({"mul", "matmul", "einsum", "baddbmm", "bilinear"})
HIGHEST = frozenset(
    {f"{kind}max_pool{d}d{tail}" for kind in ("", "adaptive_") for d in (1, 2, 3) for tail in ("", "_with_indices")}
    | {"amax", "max", "maximum"}
)
LOWEST = frozenset({"amin", "min", "minimum"})
NORMS = frozenset({"layer_norm", "rms_norm", "group_norm", "instance_norm", "normalize"})
TAKEN_APART = NORMS | {"softmax", "log_softmax", "scaled_dot_product_attention"}
RULED = EXACT | CURVED | PRODUCTS | HIGHEST | LOWEST | TAKEN_APART | {"div"}
PLAIN = frozenset(
    {"lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell", "glu", "norm", "std", "var", "logsumexp", "prod"}
    | {
        "cumprod",
        "cosine_similarity",
        "grid_sample",
        "lp_pool1d",
        "lp_pool2d",
        "local_response_norm",
        "multi_head_attention_forward",
    }
    | {"floor", "round", "sign", "where", "sort", "topk", "median"}
)


ROUGH = 0.01


def bends(operation: Operation) -> bool:
    """Whether an operation is not linear in what depends on the input: a product with a constant is."""
    if len(operation.inputs) > 1 or operation.name not in PRODUCTS | {"div"}:
        return True
    return operation.name == "div" and bool({1, "other"} & set(operation.inputs))


@dataclass(frozen=True, eq=False)
class Multipliers:
    """What is handed down through an operation, for a batch of inputs followed by as many baselines.

    Args:
        shapes: what each call gave for the inputs alone: the axis that has doubled since is that of the examples.
    """

    shapes: Mapping[Place, tuple[int, ...]]

    def __call__(self, operation: Operation, which: int, arrived: Tensor, own: Tensor) -> Tensor:
        """The same multiplier for both halves; the operation's own gradient where it is linear."""
        key = operation.inputs[which]
        asked, axis = operation.value(key), self._axis(operation)
        if axis is None:
            return own
        wide = operation.name in CURVED | TAKEN_APART | {"div"} and own.device.type != "mps"
        halves = _Halves(axis, operation.out.shape[axis], wide)
        if not halves.cut(asked):
            return own
        found = _multiplier(operation, key, halves, halves.two(arrived).mean, own)
        return own if found is None else halves.joined(found, asked).to(own)

    def _axis(self, operation: Operation) -> int | None:
        alone, both = self.shapes.get(operation.place, ()), tuple(operation.out.shape)
        doubled = [i for i, (one, two) in enumerate(zip(alone, both, strict=False)) if one != two]
        fits = len(alone) == len(both) and len(doubled) == 1 and both[doubled[0]] == 2 * alone[doubled[0]]
        return doubled[0] if fits else None


@dataclass(frozen=True)
class _Halves:
    """Where the inputs end and the baselines begin: `size` rows along `axis`, or along the first axis.

    `wide` where small differences are taken of large values: then in double precision.
    """

    axis: int
    size: int
    wide: bool

    def cut(self, value: Any) -> int | None:
        """One more than the axis along which a tensor has both; None for constants."""
        if not isinstance(value, Tensor):
            return None
        for axis in (self.axis, 0):
            if value.ndim > axis and value.shape[axis] == self.size:
                return axis + 1
        return None

    def two(self, value: Any) -> Two:
        """Both halves; a constant is the same in both."""
        if value.is_floating_point() and (self.wide or value.element_size() < 4):
            value = value.to(torch.float64 if self.wide else torch.float32)
        axis = self.cut(value)
        return Two(value, value) if axis is None else Two(*value.chunk(2, axis - 1))

    def joined(self, half: Tensor, like: Tensor) -> Tensor:
        """The same for both halves."""
        return torch.cat([half, half], (self.cut(like) or 1) - 1)


def _multiplier(operation: Operation, key: int | str, halves: _Halves, arrived: Tensor, own: Tensor) -> Tensor | None:
    """The multiplier of one half; None where the plain gradient is it."""
    name = operation.name
    if name in TAKEN_APART:
        return _taken_apart(operation, key, halves, arrived)
    keys = [one for one in operation.inputs if halves.cut(operation.value(one))]
    values = [halves.two(operation.value(one)) for one in keys]
    which = keys.index(key)
    if name in PRODUCTS:
        return lift.at_mean(_function(operation, keys, halves), values, which, arrived) if len(keys) == 2 else None
    if name == "div":
        if len(keys) == 1 and key == 0:
            return None
        other = [Two(*[torch.as_tensor(one).to(arrived)] * 2) for one in operation.args[:2]]
        over, under = (values[keys.index(i)] if i in keys else other[i] for i in (0, 1))
        return lift.quotient(over, under, 0 if key == 0 else 1, arrived)
    if name in HIGHEST | LOWEST:
        function = _function(operation, keys, halves)
        return lift.winners(function, values, which, arrived, lowest=name in LOWEST)
    if len(keys) > 1 or values[0].x.shape != arrived.shape:
        return None
    y = halves.two(operation.out) if name in EXACT else values[0].of(_function(operation, keys, halves))
    return lift.rescaled(values[0], y, arrived, halves.two(own).x)


def _function(operation: Operation, keys: list[int | str], halves: _Halves) -> Callable[..., Tensor]:
    """The operation as a function of some of its arguments, of one half; it never writes."""
    rank = operation.out.ndim

    def fitting(value: Any, like: Tensor) -> Any:
        """A constant of this call: of the type of what varies, and of one half where it has a row per example."""
        if not isinstance(value, Tensor):
            return value
        value = halves.two(value).x if value.ndim == rank and halves.cut(value) else value
        return value.to(like.dtype) if value.is_floating_point() else value

    def call(*values: Tensor) -> Tensor:
        given = dict(zip(keys, values, strict=True))
        args = [given[i] if i in given else fitting(one, values[0]) for i, one in enumerate(operation.args)]
        kwargs = {
            name: given[name] if name in given else fitting(one, values[0])
            for name, one in operation.kwargs.items()
            if name not in ("inplace", "out")
        }
        out = operation.func(*args, **kwargs)
        return out if isinstance(out, Tensor) else out[0]

    return call


def _taken_apart(operation: Operation, key: int | str, halves: _Halves, arrived: Tensor) -> Tensor | None:
    """Softmax, attention and normalisations."""
    name = operation.name
    if name == "scaled_dot_product_attention":
        return _attention(operation, key, halves, arrived)
    if key not in (0, "input", "self"):
        return None
    v = halves.two(operation.value(key))
    if name in ("softmax", "log_softmax"):
        axis = _bound(operation, "input", "dim")["dim"]
        return (lift.softmax if name == "softmax" else lift.log_softmax)(v, axis, arrived)
    if name == "normalize":
        given = {"p": 2.0, "dim": 1, "eps": 1e-12} | _bound(operation, "input", "p", "dim", "eps")
        if given["p"] != 2 or not isinstance(given["dim"], int):
            return None
        return lift.standardised(v, [given["dim"]], given["eps"], arrived, centred=False, floor=True)
    return _normalised(operation, v, arrived)


def _normalised(operation: Operation, v: Two, arrived: Tensor) -> Tensor | None:
    """Layer, root-mean-square, group and instance norm: each standardises some axes, then scales."""
    name = operation.name
    given: dict[str, Any] = {"weight": None, "eps": 1e-5, "use_input_stats": True}
    if name == "rms_norm":
        given |= {"eps": None, **_bound(operation, "input", "normalized_shape", "weight", "eps")}
    else:
        given |= arguments(name, operation.func, operation.args, dict(operation.kwargs))
    weight: Tensor | None = given["weight"]
    if name in ("layer_norm", "rms_norm"):
        eps = torch.finfo(operation.out.dtype).eps if given["eps"] is None else given["eps"]
        scaled = arrived if weight is None else arrived * weight.to(arrived)
        axes = range(-len(given["normalized_shape"]), 0)
        return lift.standardised(v, axes, eps, scaled, centred=name == "layer_norm")
    if not given["use_input_stats"]:
        return None
    groups = given["num_groups"] if name == "group_norm" else v.x.shape[1]
    scaled = arrived if weight is None else arrived * weight.to(arrived).reshape(-1, *[1] * (arrived.ndim - 2))
    grouped = v.of(lambda one: one.reshape(len(one), groups, -1))
    passed = lift.standardised(grouped, [2], given["eps"], scaled.reshape(grouped.x.shape), centred=True)
    return passed.reshape(v.x.shape)


def _attention(operation: Operation, key: int | str, halves: _Halves, arrived: Tensor) -> Tensor | None:
    """Scaled dot-product attention with its mask, its causal triangle and its shared heads."""
    given = {"attn_mask": None, "is_causal": False, "scale": None, "enable_gqa": False}
    given |= _bound(operation, "query", "key", "value", "attn_mask", "dropout_p", "is_causal")
    q, k, v = (halves.two(given[name]) for name in ("query", "key", "value"))
    which = {0: 0, 1: 1, 2: 2, "query": 0, "key": 1, "value": 2}.get(key)
    if which is None:
        return None
    scale = q.x.shape[-1] ** -0.5 if given["scale"] is None else given["scale"]
    shared = q.x.shape[-3] // k.x.shape[-3] if given["enable_gqa"] else 1
    k, v = (one.of(lambda part: part.repeat_interleave(shared, -3)) for one in (k, v))
    found = lift.attention(q, k, v, which, arrived, scale=scale, mask=_mask(given, halves, q, k))
    return found if which == 0 or shared == 1 else found.unflatten(-3, (-1, shared)).sum(-3)


def _mask(given: Mapping[str, Any], halves: _Halves, q: Two, k: Two) -> Two | None:
    mask = given["attn_mask"]
    if given["is_causal"]:
        mask = torch.ones(q.x.shape[-2], k.x.shape[-2], dtype=torch.bool, device=q.x.device).tril()
    if mask is None:
        return None
    if mask.dtype == torch.bool:
        mask = torch.zeros_like(mask, dtype=q.x.dtype).masked_fill(~mask, float("-inf"))
    return halves.two(mask) if mask.ndim > 2 else Two(mask, mask)


def _bound(operation: Operation, *names: str) -> dict[str, Any]:
    """Arguments by name."""
    given = {**dict(zip(names, operation.args, strict=False)), **operation.kwargs}
    return given | ({"input": given["self"]} if "self" in given else {})


def notes_on(seen: Seen, missed: float) -> tuple[Text, ...]:
    """What a reader must know: operations beyond the published rules, and a share of the difference that is missed."""
    met = dict.fromkeys(one.name for one in seen.met)
    apart, plain = ([name for name in met if name in some] for some in (TAKEN_APART, PLAIN))
    found: list[Text] = []
    if apart:
        names = ", ".join(apart)
        found.append(
            Text(
                f"The published rules are for element-wise functions; {names} here are taken apart into products and quotients, each factor getting half of what both do together.",
                f"已发表的规则只针对逐元素函数；此处的 {names} 被拆成乘积与商，共同作用由各因子平分。",
            )
        )
    if missed > ROUGH:
        at, where = (
            (f" (the plain gradient passes at {', '.join(plain)})", f"（{'、'.join(plain)} 处按普通梯度下传）")
            if plain
            else ("", "")
        )
        found.append(
            Text(
                f"The values miss the difference of the scores by up to {missed:.1%}{at}.",
                f"各值之和与得分之差最多相差 {missed:.1%}{where}。",
            )
        )
    return tuple(found)
