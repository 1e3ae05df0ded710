"""The regions of samples that excite a channel most, read again and cut out."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pellucid.engine.passes import Keep, Pass, Seen, Spot
from pellucid.engine.roles import Layout
from pellucid.engine.sweeps.cells import cells
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.sweeps.request import Gathered
from pellucid.inputs.inputs import Inputs
from pellucid.results.array import as_array
from pellucid.results.resample import resample

Wanted = tuple[int, int, int, float]
Excited = Callable[[Tensor, Sequence[int]], Tensor]
_AROUND = 6  # tokens shown on each side
_DIM, _FULL = 0.35, 0.5  # brightness where a channel is silent; the share of its largest value from which it is full


@dataclass(frozen=True, eq=False)
class Region:
    """Where a sample excites a channel.

    Args:
        channel, ordinal: which channel, and the number of the sample.
        value: of the channel there.
        position: on the grid of the layer; empty where it has none there.
        box: start and stop on each axis of the input's grid; None where all of the input is shown.
        why: it is shown so: "part" (the box), "larger" (what a unit can see is larger than the input), "whole" (it reads
            all of it), "" (not known).
        local: whether paths through calls that go over the whole input are left out of the box.
        picture: what is there, `(height, width, 3)` with NaN outside the input.
        lit: whether it is a whole picture, darker where the channel is less excited.
        averaged: of how many channels of the input the picture is the mean; 0: it is drawn in its colours.
        strip: of a series, `(step,)`.
        words: of a text: the token, with those beside it.
    """

    channel: int
    ordinal: int
    value: float
    position: tuple[int, ...]
    box: tuple[tuple[int, int], ...] | None = None
    why: str = ""
    local: bool = False
    picture: np.ndarray | None = None
    lit: bool = False
    averaged: int = 0
    strip: np.ndarray | None = None
    words: str = ""


def of_channels(found: Tensor, channels: Sequence[int]) -> Tensor:
    """How much each position of `(channel, position)` excites these channels."""
    return found[list(channels)]


def regions_of(
    data: Source, one: Gathered, wanted: Sequence[Wanted], excited: Excited = of_channels
) -> Generator[Pass, Seen, list[Region]]:
    """Read the samples again, one after another, and cut the regions out.

    Args:
        one: the layer.
        wanted: channel (or code), sample, position among all positions of the layer, and value.
        excited: `(wanted, position)` of what a sample has there `(channel, position)`, for whole pictures.
    """
    by_sample: dict[int, list[int]] = {}
    for i, (_, ordinal, _, _) in enumerate(wanted):
        by_sample.setdefault(ordinal, []).append(i)
    made: dict[int, Region] = {}
    for step, (ordinal, mine) in enumerate(by_sample.items()):
        x = data.inputs([ordinal])
        whole = Keep(one.site, lambda value: value)
        seen = yield from Pass(x, keep=[whole], fields=True, step=(step, len(by_sample)))
        (spot,) = seen.at(whole)
        maps = excited(cells(spot.value, spot.layout, one.address, 1)[0], [wanted[i][0] for i in mine])
        for i, light in zip(mine, maps, strict=True):
            channel, _, at, value = wanted[i]
            made[i] = _region(x, spot, channel, ordinal, at, value, as_array(light))
    return [made[i] for i in range(len(wanted))]


def _region(x: Inputs, spot: Spot, channel: int, ordinal: int, at: int, value: float, excited: np.ndarray) -> Region:
    layout = spot.layout
    position = _position(layout, at)
    same = _seen(spot, position)
    box = same["box"]
    base = next(iter(x.base.values()), None)
    if base is not None and base.kind == "tokens":
        same["words"] = _words(base.names[0], at, len(excited))
    elif base is not None and base.kind == "series" and base.values is not None:
        values = base.values[0].mean(0)
        same["strip"] = values if box is None else cut(values, box)
    else:
        picture, same["averaged"] = picture_of(x), averaged(x)
        if picture is not None and box is not None and len(box) == 2:
            same["picture"] = cut(picture, box)
        elif picture is not None:
            lit = None if layout is None else _lit(picture, excited, layout)
            same |= {"picture": picture if lit is None else lit, "lit": lit is not None}
    return Region(channel, ordinal, value, position or (), **same)


def _seen(spot: Spot, position: tuple[int, ...] | None) -> dict[str, Any]:
    """The box that a unit sees, and why it is that."""
    field, every = spot.local_field, spot.field
    if field is None or position is None or field.whole:
        return {"box": None, "why": "whole" if every is not None and every.whole else ""}
    if all(size >= extent for size, extent in zip(field.size, field.extent, strict=True)):
        return {"box": None, "why": "larger", "local": field.local}
    box = field.region(position)
    return {"box": box, "why": "" if box is None else "part", "local": field.local}


def _position(layout: Layout | None, at: int) -> tuple[int, ...] | None:
    """The place on the grid; None for a class token or where there is no grid."""
    if layout is None or at < layout.prefix:
        return None
    return tuple(int(one) for one in np.unravel_index(at - layout.prefix, layout.grid))


def picture_of(x: Inputs) -> np.ndarray | None:
    """The picture `(height, width, 3)` in 0..1; of other numbers of channels their mean, by its extremes."""
    base = x.canvas(2)
    if base is not None and base.values is not None:
        return base.values[0]
    value = x.tensors[x.explained[0]]
    if value.ndim != 4:
        return None
    gray = as_array(value[0].float().mean(0))
    low, high = gray.min(), gray.max()
    return np.repeat(((gray - low) / max(float(high - low), 1e-12))[..., None], 3, -1)


def averaged(x: Inputs) -> int:
    """Of how many channels `picture_of` draws the mean; 0 where it is a picture of its own, or none."""
    base, value = x.canvas(2), x.tensors[x.explained[0]]
    own = base is not None and base.values is not None
    return 0 if own or value.ndim != 4 or value.shape[1] == 1 else value.shape[1]


def cut(values: np.ndarray, box: Sequence[tuple[int, int]]) -> np.ndarray:
    """The part inside a box, NaN where the box overhangs."""
    sides = values.shape[: len(box)]
    inner = tuple(slice(max(0, start), min(side, stop)) for (start, stop), side in zip(box, sides, strict=True))
    outside = [(max(0, -start), max(0, stop - side)) for (start, stop), side in zip(box, sides, strict=True)]
    padding = [*outside, *[(0, 0)] * (values.ndim - len(box))]
    return np.pad(values[inner].astype(np.float32), padding, constant_values=np.nan)


def _lit(picture: np.ndarray, excited: np.ndarray, layout: Layout) -> np.ndarray | None:
    """The picture, darker where the channel is less excited; None where it is excited nowhere."""
    grid = np.maximum(excited[layout.prefix :].reshape(layout.grid), 0)
    if len(layout.grid) != 2 or not (grid.max() > 0 and np.isfinite(grid.max())):
        return None
    share = resample((grid / grid.max())[None].astype(np.float32), picture.shape[:2])[0]
    return picture * (_DIM + (1 - _DIM) * np.clip(share / _FULL, 0, 1))[..., None]


def _words(names: Sequence[str], at: int, positions: int) -> str:
    if positions != len(names):
        return "".join(names).strip()
    before, after = names[max(0, at - _AROUND) : at], names[at + 1 : at + 1 + _AROUND]
    joined = " ".join(one.strip() for one in before), names[at].strip(), " ".join(one.strip() for one in after)
    return " ".join(part for part in (joined[0], f"«{joined[1]}»", joined[2]) if part)


def mean_and_medoid(pictures: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, int] | None:
    """Mean and spread over what is inside the input, and which one is nearest to the others; None if sizes differ.

    The nearest is one of those that lie inside the input, if there are any: of a piece too little can be compared.
    """
    if len(pictures) < 2 or len({one.shape for one in pictures}) > 1:
        return None
    stack = torch.from_numpy(np.stack(pictures).astype(np.float64))
    known = ~stack.isnan()
    count = known.sum(0)
    mean = stack.nan_to_num().sum(0) / count
    spread = ((stack - mean).nan_to_num() ** 2).sum(0).div(count).sqrt()
    axes = tuple(range(1, stack.ndim))
    apart = torch.stack([((stack - one) ** 2).nanmean(axes) for one in stack]).nanmean(1)
    inside = known.flatten(1).all(1)
    return mean.float().numpy(), spread.float().numpy(), int(apart.where(inside | ~inside.any(), torch.inf).argmin())
