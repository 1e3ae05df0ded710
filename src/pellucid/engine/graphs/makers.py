"""Which call made each tensor."""

from collections.abc import Iterable
from weakref import ref

from torch import Tensor

from pellucid.engine.graphs.overlap import overlap
from pellucid.engine.storage import storage_of

Lent = tuple[ref[Tensor], int | None, int]


class Makers:
    """Filled while a forward runs; keeps no tensor alive.

    A write is a new making of the tensor and of every tensor that shows some of the same elements. A call that gives
    back what it was given, unchanged, stands for its maker inside the call of the module around it, and outside as long
    as each module gives the tensor on; whoever else holds it had it before, as a residual branch has.
    """

    def __init__(self) -> None:
        self._maker: dict[int, tuple[ref[Tensor], int]] = {}
        self._kin: dict[int, list[ref[Tensor]]] = {}
        self._lent: list[list[Lent]] = [[]]

    def of(self, tensor: Tensor) -> int | None:
        """The event that made a tensor, or what it is a view of; None for what came from elsewhere."""
        if self._knows(tensor):
            return self._maker[id(tensor)][1]
        return None if tensor._base is None else self.of(tensor._base)

    def made(self, tensor: Tensor, index: int) -> None:
        """Event `index` made it."""
        if not self._knows(tensor):
            kin = self._kin.setdefault(storage_of(tensor), [])
            kin[:] = [*(one for one in kin if one() is not None and one() is not tensor), ref(tensor)]
        self._maker[id(tensor)] = (ref(tensor), index)

    def renewed(self, tensor: Tensor, index: int) -> list[tuple[int, tuple[int, ...]]]:
        """Other tensors that show what is written belong to this event now; what of them stays is read by it."""
        kept: list[tuple[int, tuple[int, ...]]] = []
        for one in self._kin.get(storage_of(tensor), ()):
            other = one()
            maker = None if other is None or other is tensor else self.of(other)
            if other is None or maker is None:
                continue
            shared, remains = overlap(tensor, other)
            if shared:
                kept += [(maker, tuple(other.shape))] if remains else []
                self.made(other, index)
        return kept

    def passed(self, tensor: Tensor, index: int) -> None:
        """Event `index` gave back what it was given, unchanged."""
        self._lent[-1].append((ref(tensor), self.of(tensor), index))
        self.made(tensor, index)

    def enter(self) -> None:
        """A module is called."""
        self._lent.append([])

    def leave(self, given: Iterable[Tensor]) -> None:
        """The call of a module is over, and gave these."""
        lent = self._lent.pop() if len(self._lent) > 1 else []
        if not lent:
            return
        on = {id(one) for one in given}
        for held, before, index in reversed(lent):
            tensor = held()
            if tensor is None or id(tensor) in on or self.of(tensor) != index:
                continue
            if before is None:
                del self._maker[id(tensor)]
            else:
                self._maker[id(tensor)] = (held, before)
        self._lent[-1] += [one for one in lent if id(one[0]()) in on]

    def _knows(self, tensor: Tensor) -> bool:
        known = self._maker.get(id(tensor))
        return known is not None and known[0]() is tensor
