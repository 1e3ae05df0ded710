"""Replacements of one operation's backward: hooks on autograd nodes that live for one backward.

The forward stays the model's own, so a rule can never change a value.
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from pellucid.engine.operations import Operation

if TYPE_CHECKING:
    from pellucid.engine.crossing import Crossing

RECTIFIERS = frozenset({"relu", "relu6", "hardtanh", "threshold", "clamp", "clamp_min", "rrelu"})
SMOOTH = frozenset({"leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "hardswish", "prelu"})
ACTIVATIONS = RECTIFIERS | SMOOTH | frozenset({"sigmoid", "tanh", "hardsigmoid", "softsign", "logsigmoid"})


@dataclass(frozen=True)
class Rule:
    """What happens at the node of every operation in `ops`, during one backward.

    Args:
        name: the rule's name in the literature.
        ops: names of operations.
        before: changes the gradient that arrives from above, before the operation's own backward.
        instead: makes the gradient that is passed down out of the one that arrived; the operation's own is dropped.
        through: `(operation, which, arrived, own) -> gradient`: what is passed down to the `which`-th of
            `operation.inputs`, from the gradient that arrived at its output and the one that the operation itself would
            pass. An operation whose part of the graph cannot be told from its neighbours' makes the rule fail, where
            the gradient comes to it. Rules with different settings must compare unequal: use a frozen dataclass with
            `__call__`.
        among: asked for each operation in `ops` that `through` would change; False leaves it its own backward.
    """

    name: str
    ops: frozenset[str]
    before: Callable[[Tensor], Tensor] | None = None
    instead: Callable[[Tensor], Tensor] | None = None
    through: Callable[[Operation, int, Tensor, Tensor], Tensor] | None = None
    among: Callable[[Operation], bool] | None = None


def positive(gradient: Tensor) -> Tensor:
    """The gradient where it is positive, zero elsewhere."""
    return gradient.clamp(min=0)


GUIDED = Rule("guided backpropagation", RECTIFIERS | SMOOTH, before=positive)
DECONVNET = Rule("deconvnet", RECTIFIERS | SMOOTH, instead=positive)


@contextmanager
def in_force(
    rule: Rule | None, nodes: Sequence[tuple[str, Any]], crossings: "Sequence[Crossing]" = ()
) -> Generator[None]:
    """The rule holds at `nodes` (operation name, autograd node) and `crossings` while the context is open."""
    handles: list[Any] = []
    try:
        for op, node in nodes if rule else ():
            if op not in rule.ops:  # pyright: ignore[reportOptionalMemberAccess]
                continue
            if rule.before is not None:  # pyright: ignore[reportOptionalMemberAccess]
                handles.append(node.register_prehook(_before(rule.before)))  # pyright: ignore[reportOptionalMemberAccess]
            if rule.instead is not None:  # pyright: ignore[reportOptionalMemberAccess]
                handles.append(node.register_hook(_instead(rule.instead)))  # pyright: ignore[reportOptionalMemberAccess]
        if rule is not None and rule.through is not None:
            for one in crossings:
                asked = one.operation.name in rule.ops and (rule.among is None or rule.among(one.operation))
                handles += one.hooked(rule.name, rule.through) if asked else []
        yield
    finally:
        for handle in handles:
            handle.remove()


def _before(change: Callable[[Tensor], Tensor]) -> Callable[..., Any]:
    def hook(arriving: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
        return tuple(None if one is None else change(one) for one in arriving)

    return hook


def _instead(make: Callable[[Tensor], Tensor]) -> Callable[..., Any]:
    def hook(
        leaving: tuple[Tensor | None, ...], arriving: tuple[Tensor | None, ...]
    ) -> tuple[Tensor | None, ...] | None:
        if not leaving or leaving[0] is None or arriving[0] is None:
            return None
        return (make(arriving[0]), *leaving[1:])

    return hook
