"""Which places of a forward are tapped, and what is taken there."""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge

from pellucid.core.errors import MethodFault, PellucidError
from pellucid.core.sites import Place, Site, address
from pellucid.core.text import Text
from pellucid.engine.edits import Edit
from pellucid.engine.memory import out_of_memory
from pellucid.engine.roles import may_be
from pellucid.engine.storage import writes_of

Reduce = Callable[[Tensor], Any]


@dataclass(frozen=True)
class Wish:
    """One thing wanted at every place that `site` denotes."""

    site: Site
    value: bool = False
    grad: bool = False
    reduce: Reduce | None = None


@dataclass(slots=True)
class Capture:
    """What was taken at one place.

    Args:
        value: the tensor as it flowed, or a copy made just before it was overwritten.
        edge: where its gradient arrives.
        version: of the tensor when it was taken.
        overwritten: it was a view and something wrote through it, so its edge left the graph.
        attention: what to make probabilities and their gradient of, where the place is an attention.
    """

    place: Place
    field: str
    value: Tensor | None
    edge: Any
    version: int
    view: bool
    overwritten: bool = False
    reduced: dict[int, Any] = dataclasses.field(default_factory=dict)
    copied: bool = False
    attention: Any = None

    def save(self) -> None:
        """Copy the value: it is about to be overwritten."""
        if self.value is not None and not self.copied:
            self.value, self.copied = self.value.detach().clone(), True
        self.overwritten = self.overwritten or self.view

    @property
    def spoiled(self) -> bool:
        """Whether something that the engine could not see wrote over the value."""
        return self.value is not None and not self.copied and writes_of(self.value) != self.version


@dataclass(slots=True)
class Tap:
    """All that is wanted at one place and field."""

    value: bool = False
    grad: bool = False
    reduces: tuple[Reduce, ...] = ()

    def joined(self, other: "Tap") -> "Tap":
        """What both want."""
        return Tap(
            self.value or other.value, self.grad or other.grad, tuple(dict.fromkeys(self.reduces + other.reduces))
        )

    def take(self, place: Place, name: str, tensor: Tensor, grad_mode: bool) -> Capture:
        """Capture `tensor`; its flow is not touched."""
        edge = get_gradient_edge(tensor) if self.grad and grad_mode and tensor.requires_grad else None
        capture = Capture(
            place, name, tensor.detach() if self.value else None, edge, writes_of(tensor), tensor._is_view()
        )
        if self.reduces:
            with torch.no_grad():
                capture.reduced = {id(reduce): _reduced(reduce, tensor.detach(), place) for reduce in self.reduces}
        return capture


def _reduced(reduce: Reduce, value: Tensor, place: Place) -> Any:
    try:
        return reduce(value)
    except Exception as error:
        if isinstance(error, PellucidError) or out_of_memory(error):
            raise
        name = getattr(reduce, "__name__", type(reduce).__name__)
        where = address(place, called_once=place.call == 0)
        raise MethodFault(
            Text(
                f"the reduction {name} at '{where}' raised {type(error).__name__}: {error}",
                f"'{where}' 处的约简 {name} 引发 {type(error).__name__}：{error}",
            )
        ) from error


@dataclass(slots=True)
class Point:
    """Everything that concerns one place: taps by field, edits in order."""

    taps: dict[str, Tap] = dataclasses.field(default_factory=dict)
    edits: list[tuple[str, Edit]] = dataclasses.field(default_factory=list)


class Taps:
    """Finds the `Point` of a place; remembers what it found, so a forward that is run again pays little.

    Args:
        wishes: what is wanted.
        edits: parsed site and edit, in order.
        candidates: roles that only the trace of this very forward can resolve, with what is wanted there.
    """

    def __init__(
        self, wishes: list[Wish], edits: list[tuple[Site, Edit]], candidates: Sequence[tuple[Site, Tap]] = ()
    ) -> None:
        self.wishes, self.edits, self.candidates = wishes, edits, candidates
        self._memo: dict[tuple[str, int, str, int, str], Point | None] = {}
        self._empty = not wishes and not edits
        self._exact: dict[tuple[str, str, str], list[Wish]] = {}
        self._patterns: list[Wish] = []
        for wish in wishes:
            site = wish.site
            kin = (
                self._patterns
                if site.is_glob or site.within
                else self._exact.setdefault((site.path, site.op, site.side), [])
            )
            kin.append(wish)

    def at(self, path: str, call: int, op: str, n: int, side: str) -> Point | None:
        """What to do at this place, or None."""
        if self._empty:
            return None
        key = (path, call, op, n, side)
        try:
            return self._memo[key]
        except KeyError:
            point = self._memo[key] = self._find(Place(*key))
            return point

    def _find(self, place: Place) -> Point | None:
        point = Point()
        for wish in (*self._exact.get((place.path, place.op, place.side), ()), *self._patterns):
            if wish.site.matches(place):
                tap = point.taps.setdefault(wish.site.field, Tap())
                tap.value, tap.grad = tap.value or wish.value, tap.grad or wish.grad
                if wish.reduce is not None and wish.reduce not in tap.reduces:
                    tap.reduces = (*tap.reduces, wish.reduce)
        point.edits = [(site.field, one) for site, one in self.edits if site.matches(place)]
        return point if point.taps or point.edits else None

    def candidate(self, place: Place, tensor: Tensor) -> Tap | None:
        """What is wanted at a place that a role may turn out to mean."""
        found: Tap | None = None
        for site, tap in self.candidates:
            if site.side == place.side and may_be(site.role, place, tensor):
                found = found.joined(tap) if found else tap
        return found
