"""How LRP goes back through each operation, and which rule each layer gets."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.core.errors import BadSetting, LayerNotFound, quoted
from pellucid.core.sites import Place, address
from pellucid.core.text import Text
from pellucid.engine.constants import arguments, fixed, scale_and_shift
from pellucid.engine.operations import Met, Operation
from pellucid.engine.passes import Seen
from pellucid.engine.rules import ACTIVATIONS, Rule
from pellucid.methods.decision._input_box import Box, extremes
from pellucid.ops import relevance as ops

CONVOLUTIONS = frozenset(f"conv{kind}{n}d" for kind in ("", "_transpose") for n in (1, 2, 3))
DENSE = frozenset({"linear"})
RULES = ("epsilon", "gamma", "z_plus", "alpha2_beta1", "z_box", "flat", "w_square")
AT_THE_INPUT = frozenset({"z_box", "flat", "w_square"})
STABILIZER = 1e-6
_PRODUCTS = frozenset({"mul", "div", "matmul", "einsum", "baddbmm", "addmm", "addcmul", "linear", *CONVOLUTIONS})
_CURVED = frozenset(
    {"softmax", "log_softmax", "scaled_dot_product_attention", "layer_norm", "rms_norm", "group_norm", "instance_norm"}
    | {"local_response_norm", "normalize", "lstm", "gru", "rnn_tanh", "rnn_relu", "pow", "square", "sqrt", "rsqrt"}
    | {"exp", "log", "sin", "cos", "erf", "glu", "norm", "cosine_similarity", "bilinear", "logsumexp"}
)


class Composite(NamedTuple):
    """Which rule the layer at the input gets, the convolutions, and the dense layers."""

    first: str | None
    convolution: str
    dense: str


COMPOSITES = {
    "epsilon_plus": Composite(None, "z_plus", "epsilon"),
    "epsilon_plus_flat": Composite("flat", "z_plus", "epsilon"),
    "epsilon_gamma_box": Composite("z_box", "gamma", "epsilon"),
    "epsilon_alpha2_beta1": Composite(None, "alpha2_beta1", "epsilon"),
    "epsilon_alpha2_beta1_flat": Composite("flat", "alpha2_beta1", "epsilon"),
    "epsilon": Composite(None, "epsilon", "epsilon"),
    "gamma": Composite(None, "gamma", "gamma"),
    "z_plus": Composite(None, "z_plus", "z_plus"),
}


@dataclass(frozen=True)
class Relevance:
    """What leaves each operation, as relevance per unit of value.

    Args:
        composite: name in `COMPOSITES`.
        epsilon, gamma: of the rules of those names.
        overrides: (pattern of layers, name of a rule); the first that fits wins.
        boxes: of the explained inputs, for the rule z^B.
    """

    composite: str
    epsilon: float
    gamma: float
    overrides: tuple[tuple[str, str], ...] = ()
    boxes: tuple[Box, ...] = ()

    @property
    def rule(self) -> Rule:
        """For a pass."""
        ops = (ACTIVATIONS - {"relu"}) | CONVOLUTIONS | DENSE | {"batch_norm"}
        return Rule("layer-wise relevance propagation", ops, through=self)

    def __call__(self, operation: Operation, which: int, arrived: Tensor, own: Tensor) -> Tensor:
        """As `Rule.through`."""
        name = operation.name
        if name in ACTIVATIONS:
            return own if which else _passed(operation, arrived, own)
        if name == "batch_norm" or operation.inputs not in ((0,), ("input",)):
            return own
        return self._linear(operation, arrived)

    def name_for(self, name: str, place: Place, *, first: bool) -> str:
        """The rule that a linear operation gets."""
        for pattern, rule in self.overrides:
            if covers(pattern, place):
                return rule
        composite = COMPOSITES[self.composite]
        if first and composite.first:
            return composite.first
        return composite.dense if name in DENSE else composite.convolution

    def _linear(self, operation: Operation, arrived: Tensor) -> Tensor:
        affine, z, gradient = _fused(operation, arrived)
        name = self.name_for(operation.name, operation.place, first=operation.first)
        if name == "epsilon":
            upper = gradient * ops.held(z, self.epsilon)
            return upper @ affine.weight if operation.name in DENSE else ops.pulled(affine, upper)
        relevance = gradient * z
        if name == "gamma":
            return ops.gamma(affine, z, relevance, self.gamma, STABILIZER)
        if name in ("z_plus", "alpha2_beta1"):
            beta = 0.0 if name == "z_plus" else 1.0
            return ops.alpha_beta(affine, relevance, 1.0 + beta, beta, STABILIZER)
        read = _read(affine.x, operation.padding)
        if name == "flat":
            found = ops.flat(affine, read, relevance, STABILIZER)
        elif name == "w_square":
            found = ops.w_square(affine, read, relevance, STABILIZER)
        else:
            box = self._box(affine.x, operation.padding, read)
            found = ops.z_box(affine, box.low, box.high, relevance, STABILIZER)
        return found / ops.stand_in(affine.x)

    def _box(self, x: Tensor, padding: tuple[int, ...], read: Tensor) -> Box:
        """That of the input which `x` is; its own extremes where that cannot be told. Padding can be nothing else."""
        entered = functional.pad(x, [-one for one in padding])
        fitting = [one for one in self.boxes if one.low.numel() == entered.numel()]
        box = fitting[0] if len(fitting) == 1 else extremes(entered)
        low, high = (functional.pad(one.to(x).reshape(entered.shape), padding) for one in (box.low, box.high))
        return Box(torch.where(read > 0, low, x), torch.where(read > 0, high, x))


def covers(pattern: str, place: Place) -> bool:
    """Whether a pattern means a call: by the module that it runs in, or by its own address."""
    return any(fnmatchcase(one, pattern) for one in (place.path, address(place, called_once=True), address(place)))


def override(text: str) -> tuple[str, str]:
    """A layer and its rule, of `"features.0=flat"`.

    Raises:
        BadSetting: it is no such text.
    """
    layer, _, rule = text.rpartition("=")
    if not layer or rule not in RULES:
        raise BadSetting(
            Text(f"'{text}' is no layer and rule", f"'{text}' 不是“层=规则”"),
            nearest=quoted(RULES),
            hint="rules=('features.0=flat',)",
        )
    return layer, rule


def refuse_idle(seen: Seen, overrides: tuple[tuple[str, str], ...]) -> None:
    """Every override must mean a layer, and those that make relevance where the value is zero stand at the input.

    Raises:
        LayerNotFound: an override means no layer.
        BadSetting: its rule is for another place.
    """
    linear = [one for one in seen.met if is_linear(one)]
    for pattern, rule in overrides:
        meant = [one for one in linear if covers(pattern, one.place)]
        if not meant:
            known = [one.place.path or seen.trace.address(one.place) for one in linear]
            raise LayerNotFound(
                Text(
                    f"rules=: no convolution or dense layer is called '{pattern}'",
                    f"rules=：没有名为 '{pattern}' 的卷积层或全连接层",
                ),
                nearest=quoted(known[:5]),
            )
        inner = [one for one in meant if not one.first]
        if rule in AT_THE_INPUT and inner:
            where = seen.trace.address(inner[0].place)
            raise BadSetting(
                Text(
                    f"the rule {rule} is for the layer that reads the input; '{where}' is not",
                    f"规则 {rule} 用于读取输入的层；'{where}' 不是",
                )
            )


def _read(x: Tensor, padding: tuple[int, ...]) -> Tensor:
    """One where `x` is the input of the network, zero where it is padding."""
    inside = [size - sum(pair) for size, pair in zip(x.shape, _pairs(x.ndim, padding), strict=True)]
    return functional.pad(x.new_ones(inside), padding)


def _pairs(ndim: int, padding: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The padding of each axis, first axis first."""
    padded = [padding[i : i + 2] for i in range(0, len(padding), 2)]
    return [(0, 0)] * (ndim - len(padded)) + padded[::-1]


def is_linear(one: Met) -> bool:
    """Whether a call is a convolution or dense layer whose weights do not depend on the input."""
    return one.name in CONVOLUTIONS | DENSE and one.inputs in ((0,), ("input",))


def unruled(met: tuple[Met, ...]) -> list[str]:
    """Names of the operations on the way that LRP has no rule for here, in order."""
    names = (one.name for one in met if one.name in _CURVED or (one.name in _PRODUCTS and _is_product(one)))
    return list(dict.fromkeys(names))


def _is_product(one: Met) -> bool:
    return len(one.inputs) > 1 or (one.name == "div" and bool({1, "other"} & {*one.inputs}))


def _passed(operation: Operation, arrived: Tensor, own: Tensor) -> Tensor:
    """The whole relevance of an activation goes to its input."""
    x = operation.value(operation.inputs[0])
    return torch.where(x == 0, own, arrived * operation.out / ops.stand_in(x))


def _again(operation: Operation, changed: tuple[Any, ...]) -> Tensor:
    """The operation on other values of its first arguments."""
    args, kwargs = list(operation.args), dict(operation.kwargs)
    for index, (name, value) in enumerate(zip(("input", "weight", "bias"), changed, strict=False)):
        if index < len(args):
            args[index] = value
        else:
            kwargs[name] = value
    return operation.func(*args, **kwargs)


def _fused(operation: Operation, arrived: Tensor) -> tuple[ops.Affine, Tensor, Tensor]:
    """The linear operation, together with the batch normalisation that alone reads it.

    Returns:
        The operation, what it gives, and the gradient that arrives there.
    """
    given = {**dict(zip(("input", "weight", "bias"), operation.args, strict=False)), **operation.kwargs}
    x, weight, bias = given["input"], given["weight"], given.get("bias")

    def apply(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return _again(operation, (x, weight, bias))

    norm = _norm(operation)
    if norm is None:
        affine, z = ops.Affine(apply, x, weight, bias), operation.out
    else:
        scale, shift = scale_and_shift(arguments("batch_norm", norm.func, norm.args, dict(norm.kwargs)))
        bias = shift if bias is None else bias * scale + shift
        affine, z = ops.Affine(apply, x, weight * _by_output(scale, operation, given), bias), norm.out
        by_channel = scale.reshape(-1, *(1,) * (z.ndim - 2))
        arrived = torch.where(by_channel == 0, 0.0, arrived / by_channel)
    if x.dtype in (torch.float16, torch.bfloat16) or x.dtype != weight.dtype:
        wide = torch.promote_types(x.dtype, torch.float32)
        affine = ops.Affine(apply, *(None if one is None else one.to(wide) for one in affine[1:]))  # pyright: ignore[reportArgumentType]
        z, arrived = z.to(wide), arrived.to(wide)
    return affine, z, arrived


def _norm(operation: Operation) -> Operation | None:
    """The normalisation with fixed statistics that is the only reader, if the gradient came through it."""
    if operation.uses != 1 or len(operation.readers) != 1:
        return None
    norm = operation.readers[0]
    if norm.name != "batch_norm" or not norm.reached or (operation.name in DENSE and operation.out.ndim != 2):
        return None
    return norm if fixed(arguments("batch_norm", norm.func, norm.args, dict(norm.kwargs))) else None


def _by_output(scale: Tensor, operation: Operation, given: dict[str, Any]) -> Tensor:
    """A number for each output channel, as it broadcasts to the weight."""
    weight = given["weight"]
    if "transpose" not in operation.name:
        return scale.reshape(-1, *(1,) * (weight.ndim - 1))
    groups = given.get("groups", operation.args[6] if len(operation.args) > 6 else 1)
    each = scale.reshape(groups, 1, -1).expand(groups, weight.shape[0] // groups, -1)
    return each.reshape(weight.shape[0], -1, *(1,) * (weight.ndim - 2))
