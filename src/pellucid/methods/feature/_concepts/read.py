"""Samples read again: what a layer makes of each."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from pellucid.core.errors import LayerNotFound, NotApplicable
from pellucid.core.provenance import TargetInfo
from pellucid.core.sites import Site
from pellucid.engine.passes import Layer, Looking, Pass, Spot
from pellucid.engine.sweeps.cells import cells
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs


@dataclass(frozen=True, eq=False)
class Read:
    """One sample.

    Args:
        ordinal: its number.
        x: as the network takes it.
        target: the class; fixed on this sample.
        info: how it is called, and its score.
        spots: what flows at each place of the layer.
    """

    ordinal: int
    x: Inputs
    target: Target
    info: TargetInfo
    spots: tuple[Spot, ...]


def layer_of(data: Source, ordinal: int, layer: Layer | None) -> Looking[Layer]:
    """The layer that was asked for; without one the last on the grid of the input, or the last block where none is."""
    if layer is not None:
        return layer
    try:
        yield from Pass(data.inputs([ordinal]), keep=["last spatial"])
    except (LayerNotFound, NotApplicable):
        return "last block"
    return "last spatial"


def samples_read(
    data: Source, ordinals: Sequence[int], layer: Layer, number: int | None, labels: tuple[str, ...]
) -> Looking[list[Read]]:
    """Every sample once through the network."""
    found: list[Read] = []
    for step, ordinal in enumerate(ordinals):
        x, target = data.inputs([ordinal]), Target(number, labels)
        seen = yield from Pass(x, keep=[layer], target=target, step=(step, len(ordinals)))
        found.append(Read(ordinal, x, target, seen.targets[0], seen.at(layer)))
    return found


def vectors_at(spot: Spot, value: Tensor | None = None) -> Tensor:
    """The vectors at the places of one sample `(position, channel)`; tokens that stand for no place are left out."""
    prefix = 0 if spot.layout is None else spot.layout.prefix
    return cells(spot.value if value is None else value, spot.layout, spot.address, 1)[0].T[prefix:]


def site_of(spot: Spot) -> Site:
    """This very place, to ask for it again."""
    place = spot.place
    return Site(place.path, place.call, place.op, place.n, place.side)
