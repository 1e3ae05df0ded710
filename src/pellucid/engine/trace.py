"""The record of one forward: every module call and function call, in order, with shapes."""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from pellucid.core.sites import Place, Site, address


class Event(NamedTuple):
    """One module call or function call that gave a tensor.

    `kind` is the class name of the module or the name of the function; `shape` that of its first floating tensor.
    """

    path: str
    call: int
    op: str
    n: int
    kind: str
    shape: tuple[int, ...]
    dtype: Any

    @property
    def place(self) -> Place:
        """Where it happened."""
        return Place(self.path, self.call, self.op, self.n)


@dataclass(eq=False)
class Trace:
    """Events in the order in which they ended. It never depends on what was asked of the pass.

    Args:
        events: as they ended.
        calls: how often each module was called.
        complete: whether the forward ran to its end.
        failed: address of the place at which the model raised, `""` if it did not.
        mixes: whether a call may have let the rows of the batch know of one another.
        links: which event read what, where a pass asked for the graph.
    """

    events: list[Event] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)
    complete: bool = False
    failed: str = ""
    mixes: bool = False
    links: Any = None

    def address(self, place: Place) -> str:
        """The shortest text that denotes only `place` in this forward."""
        if place.side.startswith(":"):
            return address(Site(place.path, side=place.side))
        return address(place, called_once=self.calls.get(place.path, 1) <= 1)

    def follows(self, other: "Trace") -> bool:
        """Whether the same calls ran in the same order as in `other`, as far as this forward went."""
        mine, theirs = self.events, other.events
        if len(mine) > len(theirs) or (self.complete and len(mine) < len(theirs)):
            return False
        return all(one[:4] == two[:4] for one, two in zip(mine, theirs, strict=False))

    def ended_as(self, other: "Trace") -> "Trace":
        """This forward, which stopped early, with what came after in `other`, which it followed.

        What ran has its own shapes: `other` may be of another batch size.
        """
        return replace(other, events=[*self.events, *other.events[len(self.events) :]])

    def addresses(self) -> list[str]:
        """Every address of this forward, in order."""
        return [self.address(event.place) for event in self.events]

    def describe(self, place: Place, event: Event | None) -> str:
        """`'layer4' (512 7 7)`."""
        shape = " ".join(map(str, event.shape)) if event else ""
        return f"'{self.address(place)}'" + (f" ({shape})" if shape else "")

    def modules(self) -> list[Event]:
        """Only the module calls."""
        return [event for event in self.events if not event.op]
