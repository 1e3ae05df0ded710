"""The pieces that hold most of each concept, and where it lies on samples."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from pellucid.core.text import Text
from pellucid.engine.passes import Pass, Seen, Spot
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.sweeps.request import Gathered
from pellucid.methods.feature._concepts.judged import Judged
from pellucid.methods.feature._concepts.read import Read
from pellucid.methods.feature._regions import Region, averaged, cut, picture_of, regions_of
from pellucid.methods.feature._regions_drawn import short
from pellucid.results import spell
from pellucid.results.array import as_array
from pellucid.results.resample import resample


@dataclass(frozen=True, eq=False)
class Tile:
    """One picture of a concept.

    Args:
        concept: which.
        image: a piece `(height, width, 3)`, or coefficients `(height, width)`.
        beneath: the picture that coefficients lie on.
        caption: below it.
    """

    concept: int
    image: np.ndarray
    beneath: np.ndarray | None
    caption: Text


def pieces_shown(
    data: Source, read: Sequence[Read], spots: Sequence[Spot], found: Judged, k: int
) -> Generator[Pass, Seen, list[Region]]:
    """The pieces that hold most of each concept, in order, as regions whose channel is the concept."""
    pieces, held = found.pieces, found.bank.coefficients
    best = [(concept, i) for concept in range(held.shape[1]) for i in pieces.best(held[:, concept], k)]
    if pieces.boxes:
        return [_crop(read, found, concept, i) for concept, i in best]
    wanted = [
        (concept, read[int(pieces.samples[i])].ordinal, int(pieces.places[i]), float(held[i, concept]))
        for concept, i in best
    ]
    first = spots[0]
    one = Gathered(first.place, first.address, {}, tuple(first.value.shape), first.layout, first.event)
    return (yield from regions_of(data, one, wanted, _lit_by(found)))


def _crop(read: Sequence[Read], found: Judged, concept: int, i: int) -> Region:
    one = read[int(found.pieces.samples[i])]
    box = found.pieces.boxes[int(found.pieces.places[i])]
    picture = picture_of(one.x)
    shown = None if picture is None else cut(picture, box)
    value = float(found.bank.coefficients[i, concept])
    return Region(concept, one.ordinal, value, (), box, "part", picture=shown, averaged=averaged(one.x))


def _lit_by(found: Judged) -> Callable[[Tensor, Sequence[int]], Tensor]:
    return lambda cells, concepts: found.bank.of(cells.T.nan_to_num()).T[list(concepts)]


def tiles_of(
    data: Source, read: Sequence[Read], spots: Sequence[Spot], found: Judged, regions: Sequence[Region], maps: int
) -> list[Tile]:
    """Of each concept its pieces and after them its coefficients on the samples where they reach highest."""
    tiles: list[Tile] = []
    for concept in range(len(found.total)):
        for region in regions:
            if region.channel == concept and region.picture is not None:
                picture = np.nan_to_num(region.picture, nan=0.5)
                tiles.append(Tile(concept, picture, None, _caption(data, region.ordinal, region.value)))
        peaks = [float(one.coefficients[:, concept].max()) for one in found.each]
        for i in sorted(range(len(read)), key=lambda i: -peaks[i])[:maps]:
            tile = _map(data, read[i], spots[i], found.each[i].coefficients[:, concept], concept)
            if tile is not None and peaks[i] > 0:
                tiles.append(tile)
    return tiles


def _map(data: Source, one: Read, spot: Spot, held: Tensor, concept: int) -> Tile | None:
    picture = picture_of(one.x)
    if picture is None or spot.layout is None or len(spot.layout.grid) != 2:
        return None
    grid = as_array(held.float()).reshape(spot.layout.grid)
    heat = resample(grid[None], picture.shape[:2])[0]
    name = short(data.name(one.ordinal))
    return Tile(concept, heat, picture, Text(f"map, {name}", f"热图，{name}"))


def _caption(data: Source, ordinal: int, value: float) -> Text:
    name, size = short(data.name(ordinal)), spell.number(value, 3)
    return Text(f"{size}, {name}", f"{size}，{name}")
