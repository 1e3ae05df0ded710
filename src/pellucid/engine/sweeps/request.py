"""What a method asks of a data set, and what it is given."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from pellucid.core.sites import Place, Site
from pellucid.core.text import Text
from pellucid.engine.roles import Layout
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.sweeps.part import Left
from pellucid.engine.sweeps.reducers import Reducer, State
from pellucid.engine.trace import Event


@dataclass(frozen=True, eq=False)
class Sweep:
    """One run of the data set through the network, as wished for; `swept = yield from Sweep(...)` gives what was kept.

    Args:
        keep: what is gathered. All methods that wait for a sweep share one run, and equal reducers one state.
    """

    keep: tuple[Reducer, ...] | list[Reducer]

    def __iter__(self) -> Generator["Sweep", "Swept", "Swept"]:
        swept = yield self
        return swept


@dataclass(frozen=True, eq=False)
class Gathered:
    """What a reducer gathered at one place.

    Args:
        place: where.
        address: its text, as short as it can be.
        state: what the reducer says of it.
        shape: of one value there, with a batch of some size first.
        layout: how the value lies on the input's grid; None if it does not.
        event: what happened there; None for inputs.
    """

    place: Place
    address: str
    state: State
    shape: tuple[int, ...]
    layout: Layout | None = None
    event: Event | None = None

    @property
    def site(self) -> Site:
        """This very place, to ask for it again in a pass."""
        place = self.place
        return Site(place.path, place.call, place.op, place.n, place.side)


@dataclass(frozen=True, eq=False)
class Swept:
    """What a sweep gave.

    Args:
        gathered: by reducer.
        source: the data set, to read some samples again.
        read: samples that went through the network.
        left_out: number and reason of every other one.
        notes: what the reader must know.
    """

    gathered: Mapping[Reducer, tuple[Gathered, ...]]
    source: Source
    read: int
    left_out: tuple[Left, ...] = ()
    notes: tuple[Text, ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        """What every result of a sweep states: how many samples it is made of, and which were left out, and why."""
        missing = tuple((self.source.name(ordinal), why) for ordinal, why in self.left_out)
        return {"samples": self.read, "left out": missing}

    def at(self, reducer: Reducer) -> tuple[Gathered, ...]:
        """Every place of a reducer, in execution order; at least one."""
        return self.gathered[reducer]
