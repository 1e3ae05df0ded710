"""One pass on its way through a group, and what the group shares."""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from pellucid.core.errors import PellucidError
from pellucid.core.sites import Place, Site
from pellucid.core.text import Text
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Pass, Seen
from pellucid.engine.recording import Recording
from pellucid.engine.roles import Reader
from pellucid.engine.targets.aims import Resolved

Key = tuple[Place, str]


@dataclass(eq=False)
class Member:
    """One pass: its parsed sites by layer key, and what it got so far.

    `unit` is the site of a target inside the network, `start` the edge and the gradient that its backward begins with.
    """

    ask: Pass
    sites: dict[Any, list[Site]] = field(default_factory=dict)
    unit: Site | None = None
    start: tuple[Any, Tensor] | None = None
    graded: set[Any] = field(default_factory=set)
    resolved: Resolved | None = None
    score: Tensor | None = None
    gradients: dict[Key, Tensor | None] = field(default_factory=dict)
    notes: list[Text] = field(default_factory=list)
    error: PellucidError | None = None
    seen: Seen | None = None

    @property
    def differentiates(self) -> bool:
        """Whether a backward is needed for this pass."""
        return bool(self.graded) or self.ask.constants

    @property
    def wants_output(self) -> bool:
        """Whether the forward must run to its end for this pass."""
        ends = any(
            site.path == "" and not site.op and site.side == "out" and not site.role
            for sites in self.sites.values()
            for site in sites
        )
        scored = self.ask.target is not None and self.unit is None
        return ends or scored or bool(self.ask.graph) or self.ask.rules is not None


@dataclass(eq=False)
class Shared:
    """What the members of a group have in common.

    Args:
        recording: of the one forward.
        reader: of its trace, or of an earlier one of the same signature.
        leaves: parameters whose value or gradient is wanted, as they were used.
    """

    looker: Looker
    recording: Recording
    reader: Reader | None = None
    leaves: dict[str, Tensor] = field(default_factory=dict)

    def denotes(self, site: Site, key: Key) -> bool:
        """Whether a captured place is one of those that `site` means in this forward."""
        place, name = key
        if not site.role:
            return site.matches(place) and site.field == name
        if self.reader is None or place.side != site.side:
            return False
        return Place(place.path, place.call, place.op, place.n) in self.reader.places(site.role)


def parameter_place(name: str) -> Place:
    """The place of a parameter by its dotted name."""
    path, _, last = name.rpartition(".")
    return Place(path, side=f":{last}")
