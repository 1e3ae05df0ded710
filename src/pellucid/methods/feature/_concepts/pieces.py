"""Pieces of samples and what a layer makes of each: crops of pictures, positions of everything else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from pellucid.core.errors import BadSetting
from pellucid.core.text import Text
from pellucid.engine.passes import Keep, Looking, Pass, Spot
from pellucid.engine.rows import rows_per_pass
from pellucid.engine.sweeps.cells import cells
from pellucid.methods.feature._concepts.read import Read, site_of, vectors_at

_MOST = 1000  # crops of a sample
_STRIDE = 0.8  # of the side of a crop, as in the paper's code
Box = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Pieces:
    """Pieces of all samples, one sample after another.

    Args:
        vectors: `(piece, channel)` in double precision, all finite.
        samples: which sample each is of, `(piece,)`.
        places: of a crop which of the boxes, of a position which one, counted over all positions of the layer.
        boxes: of crops; empty where pieces are positions.
        broken: pieces left out because they hold NaN or infinite values.
    """

    vectors: Tensor
    samples: Tensor
    places: Tensor
    boxes: tuple[Box, ...] = ()
    broken: int = 0

    def best(self, coefficients: Tensor, count: int) -> list[int]:
        """Pieces with the largest of these coefficients `(piece,)`: the largest of each sample, then what else is large.

        None of them has a coefficient of zero.
        """
        first, more, known = list[int](), list[int](), set[int]()
        for i in coefficients.argsort(descending=True, stable=True).tolist():
            if coefficients[i] > 0:
                (more if int(self.samples[i]) in known else first).append(i)
                known.add(int(self.samples[i]))
        taken = (first + more)[:count]
        return sorted(taken, key=lambda i: -float(coefficients[i]))


def pieces_of(read: Sequence[Read], place: int, crop: float | None) -> Looking[Pieces]:
    """What one place of the layer makes of pieces of the samples.

    Args:
        crop: side of a crop as a share of the picture's; None: positions.
    Raises:
        BadSetting: crops are so small that there are too many.
    """
    spot = read[0].spots[place]
    name = None if crop is None else _picture(read[0], spot)
    if name is None or crop is None:
        return _whole([vectors_at(one.spots[place]) for one in read], 0 if spot.layout is None else spot.layout.prefix)
    found: list[Tensor] = []
    boxes = boxes_of(tuple(read[0].x.tensors[name].shape[2:]), crop)
    if len(boxes) > _MOST:
        raise BadSetting(
            Text(
                f"crop={crop:g} cuts each sample into {len(boxes):,} crops, and at most {_MOST:,} are looked at",
                f"crop={crop:g} 把每个样本裁成 {len(boxes):,} 块，而最多只看 {_MOST:,} 块",
            ),
            hint=Text(
                "larger crops, or crop=None for the positions of the layer",
                "请用更大的裁块，或以 crop=None 取该层的各位置",
            ),
        )
    for step, one in enumerate(read):
        mine = boxes_of(tuple(one.x.tensors[name].shape[2:]), crop)
        found.append((yield from _crops_seen(one, one.spots[place], name, mine, (step, len(read)))))
    return _whole(found, 0, tuple(boxes))


def _whole(each: Sequence[Tensor], prefix: int, boxes: tuple[Box, ...] = ()) -> Pieces:
    vectors = torch.cat([one.detach().cpu().double() for one in each])
    samples = torch.cat([torch.full((len(one),), i) for i, one in enumerate(each)])
    places = torch.cat([torch.arange(len(one)) + prefix for one in each])
    fine = vectors.isfinite().all(1)
    return Pieces(vectors[fine], samples[fine], places[fine], boxes, int((~fine).sum()))


def _picture(one: Read, spot: Spot) -> str | None:
    """The input of which crops can be made, if it is the only picture and the layer lies on it."""
    pictures = [name for name in one.x.explained if one.x.tensors[name].ndim == 4]
    if one.x.is_discrete or len(pictures) != 1 or spot.layout is None or len(spot.layout.grid) != 2:
        return None
    base = one.x.base.get(pictures[0])
    fits = base is None or base.kind != "image" or base.grid == tuple(one.x.tensors[pictures[0]].shape[2:])
    return pictures[0] if fits else None


def boxes_of(sides: Sequence[int], share: float) -> list[Box]:
    """Boxes of this share of each side that cover all of it, evenly spaced, about a fifth of one over the next."""
    spans: list[list[tuple[int, int]]] = []
    for side in sides:
        long = max(1, round(side * share))
        count = ceil((side - long) / max(1, int(_STRIDE * long))) + 1
        starts = torch.linspace(0, side - long, count).round().int().tolist()
        spans.append([(start, start + long) for start in starts])
    return [(row, column) for row in spans[0] for column in spans[1]]


def _crops_seen(one: Read, spot: Spot, name: str, boxes: Sequence[Box], step: tuple[int, int]) -> Looking[Tensor]:
    """What the layer makes of each crop, enlarged to the size of the input: the mean over its places `(crop, channel)`."""
    value = one.x.tensors[name]
    size, rows, found = tuple(value.shape[2:]), rows_per_pass(one.x, None), list[Tensor]()
    for start in range(0, len(boxes), rows):
        some = boxes[start : start + rows]
        cut = [value[:, :, top:bottom, left:right] for (top, bottom), (left, right) in some]
        large = [interpolate(part.float(), size, mode="bilinear", align_corners=False).to(value) for part in cut]
        many = one.x.repeated(len(some)).replaced({name: torch.cat(large)})
        keep = Keep(site_of(spot), _mean_of(spot, len(some)))
        seen = yield from Pass(many, keep=[keep], step=step)
        found.append(seen[keep])
    return torch.cat(found)


def _mean_of(spot: Spot, count: int) -> Callable[[Tensor], Tensor]:
    prefix = 0 if spot.layout is None else spot.layout.prefix
    return lambda value: cells(value, spot.layout, spot.address, count)[:, :, prefix:].double().mean(2)
