"""How AttnLRP and CP-LRP go back through each operation, as changes of the gradient (relevance per unit of value)."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.sites import address
from pellucid.core.text import Text
from pellucid.engine.constants import arguments
from pellucid.engine.operations import Met, Operation
from pellucid.engine.rules import ACTIVATIONS, Rule
from pellucid.methods.decision._relevance import CONVOLUTIONS, DENSE, Relevance
from pellucid.ops import attention_rules as ops

ATTENTION = "scaled_dot_product_attention"
NORMS = frozenset({"layer_norm", "rms_norm", "group_norm", "instance_norm", "normalize"})
_PROPORTIONAL = frozenset({"relu", "leaky_relu", "prelu", "rrelu"})
_FROM_ZERO = frozenset(
    {"gelu", "silu", "tanh", "mish", "elu", "selu", "celu", "hardswish", "softsign", "relu6", "square"}
)
EACH = (ACTIVATIONS - _PROPORTIONAL) | {"pow", "square", "hardshrink", "softshrink", "tanhshrink"}
_MIXING = frozenset({"matmul", "einsum", "baddbmm", "mv", "tensordot"})
_ADDING = frozenset({"baddbmm", "addmm", "addbmm", "addmv", "addr", "addcmul"})
PRODUCTS = (
    _MIXING | _ADDING | CONVOLUTIONS | DENSE | {"mul", "bilinear", "dot", "vdot", "inner", "outer", "kron", "cross"}
)
_UNRULED = frozenset(
    {"lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell", "cosine_similarity", "local_response_norm"}
    | {"exp", "log", "sin", "cos", "logsumexp", "prod", "cumprod", "multi_dot", "chain_matmul", "grid_sample"}
)


@dataclass(frozen=True)
class AttentionRules:
    """What leaves each operation.

    Args:
        form: `"attn"`, or `"cp"`: attention probabilities are constants.
        gamma: of the rule for dense layers and convolutions; 0 is their plain gradient.
    """

    form: str
    gamma: float

    @property
    def rule(self) -> Rule:
        """For a pass."""
        ops = EACH | NORMS | PRODUCTS | {ATTENTION, "div", "glu", "batch_norm"}
        return Rule(
            "AttnLRP" if self.form == "attn" else "CP-LRP",
            ops,
            through=self,
            among=changes if self.gamma == 0 else weighs,
        )

    def __call__(self, operation: Operation, which: int, arrived: Tensor, own: Tensor) -> Tensor:
        """As `Rule.through`."""
        name = operation.name
        if name in NORMS:
            return _normalised(operation, arrived)
        if name in EACH:
            return _activated(operation, arrived, own)
        if name == "batch_norm":
            return own
        if name == "glu":
            axis = {**dict(zip(("input", "dim"), operation.args, strict=False)), **operation.kwargs}.get("dim", -1)
            return ops.gated(operation.value(operation.inputs[0]), axis, arrived)
        if name == ATTENTION:
            return own * self._share(operation, which)
        if name in CONVOLUTIONS | DENSE and len(operation.inputs) == 1:
            return Relevance("gamma", 0.0, self.gamma)(operation, which, arrived, own)
        if operation.scale is not None:
            return own * float(which != operation.scale)
        if self.form == "cp" and name in _MIXING and operation.weights is not None:
            return own * float(which != operation.weights)
        among = _factors(operation)
        return own / len(among) if which in among else own

    def _share(self, operation: Operation, which: int) -> float:
        """As if attention were written as two products with a softmax between them."""
        parts = [_part(key) for key in operation.inputs]
        if self.form == "cp":
            return float(parts[which] == 2)
        weighted = 0.5 if 2 in parts and len(parts) > 1 else 1.0
        return weighted * (0.5 if parts[which] < 2 and {0, 1} <= {*parts} else 1.0)


def changes(operation: Operation) -> bool:
    """Whether an operation passes on something else than its plain gradient."""
    name = operation.name
    if name == "div":
        return operation.scale is not None
    if name in EACH:
        return len(operation.inputs) == 1
    return name in NORMS or name in (ATTENTION, "glu") or len(_factors(operation)) > 1


def weighs(operation: Operation) -> bool:
    """As `changes`, where dense layers and convolutions have a rule, with the normalisation that alone reads them."""
    if operation.name == "batch_norm":
        return True
    return changes(operation) or (operation.name in CONVOLUTIONS | DENSE and len(operation.inputs) == 1)


def _part(key: int | str) -> int:
    return key if isinstance(key, int) else ("query", "key", "value").index(key) if key != "attn_mask" else 3


def _factors(operation: Operation) -> tuple[int, ...]:
    """Which of the inputs are multiplied, rather than added to the product."""
    added = (0, "input", "self") if operation.name in _ADDING else ("bias",)
    added += (2,) if operation.name in CONVOLUTIONS | DENSE else (3,) if operation.name == "bilinear" else ()
    return tuple(which for which, key in enumerate(operation.inputs) if key not in added)


def _activated(operation: Operation, arrived: Tensor, own: Tensor) -> Tensor:
    key = operation.inputs[0]
    x = operation.value(key)
    if x.shape != arrived.shape:
        return own
    start: Tensor | float = 0.0
    if operation.name not in _FROM_ZERO:
        zero = torch.zeros_like(x)
        args = [zero if i == key else one for i, one in enumerate(operation.args)]
        start = operation.func(*args, **{name: zero if name == key else one for name, one in operation.kwargs.items()})
    return ops.activated(x, operation.out, start, arrived, own)


def _normalised(operation: Operation, arrived: Tensor) -> Tensor:
    """The gradient with the scale held as it is; the mean that is taken off varies."""
    name = operation.name
    if operation.inputs not in ((0,), ("input",)):
        where = address(operation.place, called_once=operation.place.call == 0)
        raise NotApplicable(
            Text(
                f"the normalisation at '{where}' has weights that depend on the input: AttnLRP has no rule for it",
                f"'{where}' 处归一化的权重依赖于输入：AttnLRP 对此没有规则",
            )
        )
    x, given = operation.value(operation.inputs[0]), _given(operation)
    if name == "normalize":
        size = ops.wide(x).norm(given["p"], given["dim"], keepdim=True).clamp(min=given["eps"])
        return ops.wide(arrived) / size
    if name in ("layer_norm", "rms_norm"):
        eps = torch.finfo(x.dtype).eps if given["eps"] is None else given["eps"]
        scaled = arrived if given["weight"] is None else arrived * given["weight"]
        return ops.scaled_only(x, range(-len(given["normalized_shape"]), 0), eps, scaled, centred=name == "layer_norm")
    if not given.get("use_input_stats", True):
        raise NotApplicable(
            Text(
                "an instance normalisation with fixed statistics has no rule here", "统计量固定的实例归一化在此没有规则"
            )
        )
    groups = given["num_groups"] if name == "group_norm" else x.shape[1]
    weight = given["weight"]
    scaled = arrived if weight is None else arrived * weight.reshape(-1, *[1] * (arrived.ndim - 2))
    split = (len(x), groups, -1)
    return ops.scaled_only(x.reshape(split), (2,), given["eps"], scaled.reshape(split), centred=True).reshape(x.shape)


def _given(operation: Operation) -> dict[str, Any]:
    """The arguments of a normalisation, by name."""
    if operation.name in ("rms_norm", "normalize"):
        names = ("normalized_shape", "weight", "eps") if operation.name == "rms_norm" else ("p", "dim", "eps")
        usual = (None, None, None) if operation.name == "rms_norm" else (2.0, 1, 1e-12)
        listed = dict(zip(("input", *names), operation.args, strict=False))
        return {**dict(zip(names, usual, strict=True)), **listed, **operation.kwargs}
    found = arguments(operation.name, operation.func, operation.args, dict(operation.kwargs))
    return {"weight": None, "eps": 1e-5, **found}


def unruled(met: tuple[Met, ...]) -> list[str]:
    """Names of operations on the way that have no rule here, in order."""
    names = [one.name for one in met if one.name in _UNRULED or _is_quotient(one)]
    return list(dict.fromkeys(names))


def _is_quotient(one: Met) -> bool:
    return one.name == "div" and len(one.inputs) == 2 and one.scale is None


def opaque(met: tuple[Met, ...]) -> list[Met]:
    """Calls that are attention in one piece, whose parts cannot be told."""
    return [one for one in met if "attention" in one.name and one.name != ATTENTION and len(one.inputs) > 1]
