"""One operation's part of the autograd graph: where its gradient arrives, and where it leaves to each input."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from pellucid.core.errors import MethodFault, NotApplicable, PellucidError
from pellucid.core.sites import address
from pellucid.core.text import Text
from pellucid.engine.memory import out_of_memory
from pellucid.engine.operations import Operation

MOST_NODES = 64
Exit = tuple[Any, int]
Through = Callable[[Operation, int, Tensor, Tensor], Tensor]


@dataclass(eq=False)
class Crossing:
    """The nodes between an operation's output and its inputs; one call may be several nodes.

    Args:
        operation: the call.
        out: the edge at its output, right after the call.
        edges: those at `operation.inputs`, right before the call (in-place calls give a tensor a new one).
        others: those at its other tensors, which do not depend on an explained input but may have a long history.
        fault: why its backward cannot be replaced; empty where it can.
    """

    operation: Operation
    out: Any
    edges: tuple[Any, ...]
    others: frozenset[Exit] = frozenset()
    fault: Text = Text("")
    _exits: list[tuple[tuple[int, ...], list[Exit]]] | None = None

    def hooked(self, name: str, through: Through) -> list[Any]:
        """Hooks that put `through` in place of the operation's own backward, to be removed after it.

        Args:
            name: of the rule.
            through: as in `Rule`.
        """
        operation, arrived = self.operation, list[Tensor]()
        operation.reached = False

        def arrive(gradients: tuple[Tensor | None, ...]) -> None:
            gradient = gradients[self.out.output_nr]
            if gradient is None:
                return
            if self.fault.en or self.exits is None:
                raise NotApplicable(
                    Text(
                        f"{name}: the backward of '{_where(operation)}' cannot be replaced: {self.fault}",
                        f"{name}：无法替换 '{_where(operation)}' 的反向计算：{self.fault.zh}",
                    )
                )
            operation.reached = True
            arrived.append(gradient)

        handles = [self.out.node.register_prehook(arrive)]
        for whiches, exits in self.exits or ():
            if len(whiches) == len(exits):
                pairs = [((which,), [one]) for which, one in zip(whiches, exits, strict=True)]
            else:
                pairs = [(whiches, exits)]
            for (which, *_), some in pairs:
                replace = _Replacement(operation, which, through, arrived, len(some))
                handles += [node.register_hook(replace.at(index)) for node, index in some]
        return handles

    @property
    def exits(self) -> list[tuple[tuple[int, ...], list[Exit]]] | None:
        """For each edge at the inputs: which inputs lie there, and the (node, index) that lead to it.

        None where they cannot be told.
        """
        if self._exits is None and not self.fault.en:
            self._exits = _find(self.out.node, self.edges, self.others)
            if self._exits is None:
                self.fault = _NOT_FOUND
        return self._exits


def _where(operation: Operation) -> str:
    return address(operation.place, called_once=operation.place.call == 0)


_NOT_FOUND = Text(
    "its inputs are not found in the autograd graph (a view written in place, or a fused node)",
    "在自动求导图中找不到它的输入（就地写入的视图，或融合的节点）",
)


class _Replacement:
    """What leaves to one input; where several nodes lead there, their gradients are added and replaced once."""

    def __init__(self, operation: Operation, which: int, through: Through, arrived: list[Tensor], exits: int) -> None:
        self.operation, self.which, self.through, self.arrived = operation, which, through, arrived
        self.missing, self.own = exits, None

    def at(self, index: int) -> Callable[..., Any]:
        def hook(leaving: tuple[Tensor | None, ...], _: Any) -> tuple[Tensor | None, ...] | None:
            self.missing -= 1
            own = leaving[index]
            if own is None or not self.arrived:
                return None
            self.own = own if self.own is None else self.own + own
            new = self._new(self.own) if self.missing == 0 else own.new_zeros(()).expand_as(own)
            return (*leaving[:index], new, *leaving[index + 1 :])

        return hook

    def _new(self, own: Tensor) -> Tensor:
        try:
            new = self.through(self.operation, self.which, self.arrived[0], own)
        except Exception as error:
            if isinstance(error, PellucidError) or out_of_memory(error):
                raise
            where, name = _where(self.operation), type(error).__name__
            raise MethodFault(
                Text(f"the rule at '{where}' raised {name}: {error}", f"'{where}' 处的规则引发 {name}：{error}")
            ) from error
        if new.shape != own.shape:
            raise MethodFault(
                Text(
                    f"the rule at '{_where(self.operation)}' gives a gradient of {tuple(new.shape)}, "
                    f"the input has {tuple(own.shape)}",
                    f"'{_where(self.operation)}' 处的规则给出的梯度形状为 {tuple(new.shape)}，"
                    f"而输入为 {tuple(own.shape)}",
                )
            )
        return new.to(own)


def _find(
    start: Any, edges: tuple[Any, ...], others: frozenset[Exit]
) -> list[tuple[tuple[int, ...], list[Exit]]] | None:
    """Walk from the output's node; one that leads too far is not this operation's alone."""
    bounds: dict[tuple[Any, int], tuple[list[int], list[Exit]]] = {}
    for which, edge in enumerate(edges):
        bounds.setdefault((edge.node, edge.output_nr), ([], []))[0].append(which)
    seen, waiting = {start}, [start]
    while waiting:
        node = waiting.pop()
        further: list[Any] = []
        for index, (below, number) in enumerate(node.next_functions):
            if below is None:
                continue
            if (below, number) in bounds:
                bounds[below, number][1].append((node, index))
            elif below not in seen and (below, number) not in others:
                seen.add(below)
                further.append(below)
        waiting += reversed(further)
        if len(seen) > MOST_NODES:
            return None
    for whiches, exits in bounds.values():
        if not exits or (len(whiches) > 1 and len(whiches) != len(exits)):
            return None
    return [(tuple(whiches), exits) for whiches, exits in bounds.values()]
