"""Cut the boxes of all variants out of a map, and lay them back."""

import numpy as np
import torch
from torch import Tensor

from pellucid.engine.cones.boxes import Boxes, Grid


def _alike(like: Tensor, shape: tuple[int, ...]) -> Tensor:
    """An empty tensor in the memory format of `like`."""
    last = like.ndim == 4 and like.is_contiguous(memory_format=torch.channels_last) and not like.is_contiguous()
    return torch.empty(
        shape,
        dtype=like.dtype,
        device=like.device,
        memory_format=torch.channels_last if last else torch.contiguous_format,
    )


def gathered(clean: Tensor, boxes: Boxes, blank: float = 0.0) -> Tensor:
    """The boxes of one map `(1, channel, *grid)`: `(variant, channel, *size)`; `blank` where a box overhangs."""
    out = _alike(clean, (len(boxes.starts), clean.shape[1], *boxes.size))
    grid = tuple(clean.shape[2:])
    overhangs = not boxes.inside(grid)
    if overhangs:
        out.fill_(blank)
    for row, start in enumerate(boxes.starts.tolist()):
        source, place = _overlap(start, boxes.size, [0] * len(grid), grid)
        if source is not None:
            out[(row, slice(None), *source)] = clean[(0, slice(None), *place)]
    return out


def overlaid(region: Tensor, boxes: Boxes, patch: Tensor, mine: Boxes) -> Tensor:
    """`region`, which lies at `boxes`, with `patch`, which lies at `mine`, laid over it; `region` is written."""
    for row, (start, other) in enumerate(zip(boxes.starts.tolist(), mine.starts.tolist(), strict=True)):
        place, source = _overlap(start, boxes.size, other, mine.size)
        if place is not None:
            region[(row, slice(None), *place)] = patch[(row, slice(None), *source)]
    return region


def pasted(clean: Tensor, patch: Tensor, boxes: Boxes) -> Tensor:
    """The map `(1, channel, *grid)` once for each variant, with its patch."""
    out = _alike(clean, (len(patch), *clean.shape[1:]))
    out.copy_(clean.expand_as(out))
    grid = tuple(clean.shape[2:])
    return overlaid(out, Boxes(np.zeros_like(boxes.starts), grid), patch, boxes)


def cut(maps: Tensor, starts: np.ndarray, size: Grid) -> Tensor:
    """A box of each row's own map: `(variant, channel, *size)`."""
    out = _alike(maps, (*maps.shape[:2], *size))
    for row, start in enumerate(starts.tolist()):
        out[row] = maps[(row, slice(None), *(slice(a, a + b) for a, b in zip(start, size, strict=True)))]
    return out


def _overlap(
    start: list[int], size: Grid, other: list[int], extent: Grid
) -> tuple[tuple[slice, ...] | None, tuple[slice, ...]]:
    """What two boxes have in common, as slices of the first and of the second; None if nothing."""
    mine: list[slice] = []
    theirs: list[slice] = []
    for a, width, b, length in zip(start, size, other, extent, strict=True):
        low, high = max(a, b), min(a + width, b + length)
        if low >= high:
            return None, ()
        mine.append(slice(low - a, high - a))
        theirs.append(slice(low - b, high - b))
    return tuple(mine), tuple(theirs)
