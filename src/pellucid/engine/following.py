"""What is kept of the calls of one forward for rules that go through operations, and for constants."""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.autograd.graph import get_gradient_edge
from torch.utils._pytree import tree_iter, tree_map_only

from pellucid.core.sites import Place
from pellucid.core.text import Text
from pellucid.engine.attention.factors import PRODUCT, QUOTIENT, Factors
from pellucid.engine.calls import fields
from pellucid.engine.constants import Constants
from pellucid.engine.crossing import Crossing
from pellucid.engine.lineage import Lineage
from pellucid.engine.operations import Met, Operation
from pellucid.engine.storage import writes_of
from pellucid.engine.taps import Capture


class Following:
    """Asked before and after every call of a forward.

    Args:
        lineage: which tensors depend on an explained input.
        ops: names of the calls to keep.
        constants: where what is added on the way is noted, if it is wanted.
        hold: told of every capture, so that its value is copied before it is overwritten.
    """

    def __init__(
        self,
        lineage: Lineage,
        ops: frozenset[str],
        constants: Constants | None,
        hold: Callable[[Tensor, Capture], None],
    ) -> None:
        self.lineage, self.ops, self.constants, self.hold = lineage, ops, constants, hold
        self.factors = Factors(lineage.descends)
        self.crossings: list[Crossing] = []
        self.met: list[Met] = []
        self._makers: dict[int, tuple[Tensor, Operation]] = {}
        self._held: dict[tuple[int, int], tuple[Tensor, Capture]] = {}
        self._open = True

    def enter(self, place: Place, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> "Draft":
        """A call is about to run."""
        inputs = self.lineage.inputs(args, kwargs)
        draft = Draft(place, inputs, self._makers_of(args, kwargs))
        if self.constants is not None and inputs:
            self.constants.enter(place, func, args, kwargs, inputs)
        if not inputs:
            return draft
        self._note_custom(place)
        if place.op in self.ops:
            self._keep(draft, func, args, kwargs)
        self.met.append(draft.met())
        return draft

    def end(self, node: Any) -> None:
        """A backward is about to begin at what an autograd node made; what lies behind the last call is met here."""
        self.lineage.descends(node)
        self._note_custom(Place(""))

    def _note_custom(self, place: Place) -> None:
        self.met += [Met(name, place, tuple(range(count)), custom=True) for name, count in self.lineage.custom]
        self.lineage.custom.clear()

    def _keep(self, draft: "Draft", func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        place, inputs = draft.place, draft.inputs
        holes, named = tree_map_only(Tensor, lambda one: self._capture(place, one), (args, kwargs))
        draft.operation = Operation(place.op, place, func, holes, named, inputs, args[0] if args else None)  # type: ignore[arg-type]
        values = [args[key] if isinstance(key, int) else kwargs[key] for key in inputs]
        if all(isinstance(one, Tensor) for one in values):
            draft.edges = tuple(get_gradient_edge(one) for one in values)
            given = [one for one in tree_iter((args, kwargs)) if isinstance(one, Tensor) and one.requires_grad]
            draft.others = frozenset(get_gradient_edge(one)[:2] for one in given) - {one[:2] for one in draft.edges}
            ways = [way for way in (self.lineage.entered(edge.node) for edge in draft.edges) if way is not None]
            draft.operation.first, draft.operation.padding = bool(ways), ways[0] if ways else ()
        if len(draft.edges) > 1:
            draft.operation.weights = self.factors.weights(draft.edges)
        if len(draft.edges) == 2 and place.op in (PRODUCT, QUOTIENT):
            draft.operation.scale, draft.unclear = self.factors.scale(place.op, draft.edges)

    def leave(self, draft: "Draft", out: Any, written: Any) -> None:
        """The call is over."""
        operation = draft.operation
        for maker in draft.makers:
            maker.uses += 1
            maker.readers += [operation] if operation is not None else []
        for one in tree_iter(written):
            self._makers.pop(id(one), None)
        tensor = _only(written if out is None else out)
        if self.constants is not None:
            self.constants.leave(tensor)
        if operation is None or (tensor is not None and not tensor.requires_grad):
            return
        crossing = self._crossing(draft, operation, tensor, written)
        if crossing is not None:
            self.crossings.append(crossing)

    def _crossing(self, draft: "Draft", operation: Operation, tensor: Tensor | None, written: Any) -> Crossing | None:
        if tensor is None:
            return None
        fault = Text("") if draft.edges else Text("it reads a list of tensors", "它读取的是张量的列表")
        edge = get_gradient_edge(tensor)
        if any(edge[:2] == one[:2] for one in draft.edges):
            return None
        if tensor is written and tensor._is_view() and tensor._base is not None and tensor._base.requires_grad:
            fault = Text("it writes into a part of another tensor", "它写入另一个张量的一部分")
            edge = get_gradient_edge(tensor._base)
        operation.out = self._capture(operation.place, tensor)  # type: ignore[assignment]
        self._makers[id(tensor)] = (tensor, operation)
        return Crossing(operation, edge, draft.edges, draft.others, fault)

    def settled(self) -> list[Crossing]:
        """The forward is over: every operation with its values."""
        if self._open:
            self._open = False
            for crossing in self.crossings:
                _settle(crossing)
            self._makers.clear()
            self._held.clear()
        return self.crossings

    def _makers_of(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Operation]:
        made = (self._makers.get(id(one)) for one in tree_iter((args, kwargs)) if isinstance(one, Tensor))
        return list(dict.fromkeys(one[1] for one in made if one is not None))

    def _capture(self, place: Place, tensor: Tensor) -> Capture:
        key = (id(tensor), writes_of(tensor))
        if key not in self._held:
            capture = Capture(place, "", tensor.detach(), None, writes_of(tensor), view=False)
            self._held[key] = (tensor, capture)
            self.hold(tensor, capture)
        return self._held[key][1]


class Draft:
    """A call that is running."""

    __slots__ = ("edges", "inputs", "makers", "operation", "others", "place", "unclear")

    def __init__(self, place: Place, inputs: tuple[int | str, ...], makers: list[Operation]) -> None:
        self.place, self.inputs, self.makers = place, inputs, makers
        self.operation: Operation | None = None
        self.edges: tuple[Any, ...] = ()
        self.others: frozenset[Any] = frozenset()
        self.unclear = False

    def met(self) -> Met:
        """What is told of it to the method."""
        kept = self.operation
        if kept is None:
            return Met(self.place.op, self.place, self.inputs)
        return Met(self.place.op, self.place, self.inputs, kept.first, kept.scale, kept.weights, self.unclear)


_SPOILED = Text("a value of it was overwritten by code that cannot be seen", "它的一个值被无法看到的代码覆盖了")


def _settle(crossing: Crossing) -> None:
    operation = crossing.operation
    held = [one for one in tree_iter((operation.args, operation.kwargs, operation.out)) if isinstance(one, Capture)]
    if any(one.spoiled for one in held):
        crossing.fault = crossing.fault if crossing.fault.en else _SPOILED
    operation.args, operation.kwargs, operation.out = tree_map_only(
        Capture, lambda one: one.value, (operation.args, dict(operation.kwargs), operation.out)
    )


def _only(out: Any) -> Tensor | None:
    """The tensor that a call gave, where it gave one that carries gradients."""
    if isinstance(out, Tensor):
        return out
    found = [one for _, one in fields(out) if isinstance(one, Tensor) and one.requires_grad]
    return found[0] if len(found) == 1 else None
