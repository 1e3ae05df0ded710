"""What a layer has in common with the input that it sees: covariances of units with the pixels of their own fields."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import Tensor

from pellucid.engine.passes import Layer
from pellucid.engine.sweeps.reducers import Samples, State
from pellucid.ops.ranking import shuffled


@dataclass(frozen=True)
class Window:
    """Boxes of the input, of one size in equal steps, and the position of a layer that looks at each.

    Args:
        axes: of the input tensor, the batch first, that the boxes are cut along; none: all of the input, as one box.
        first: where the first box starts along each of these.
        jump: from one box to the next.
        count: of boxes along each.
        size: of a box.
        cell: position among all positions of the layer that looks at the first box.
        strides: positions from one box to the next.
    """

    axes: tuple[int, ...]
    first: tuple[int, ...]
    jump: tuple[int, ...]
    count: tuple[int, ...]
    size: tuple[int, ...]
    cell: int
    strides: tuple[int, ...]

    @property
    def boxes(self) -> int:
        """How many there are."""
        return prod(self.count)

    def cells(self, boxes: Tensor) -> Tensor:
        """The positions of the layer that look at these boxes."""
        at = torch.unravel_index(boxes, self.count) if self.count else ()
        return sum((i * stride for i, stride in zip(at, self.strides, strict=True)), torch.full_like(boxes, self.cell))

    def patches(self, value: Tensor, boxes: Tensor) -> Tensor:
        """What is in these boxes of one sample, `(box, *others, *size)`, the axes that are not cut in front.

        Args:
            value: a batch of one.
        """
        rank = len(self.axes)
        cut = value.movedim(self.axes, tuple(range(-rank, 0)))[0] if rank else value[0]
        others = cut.ndim - rank
        for i, (first, jump, count, size) in enumerate(
            zip(self.first, self.jump, self.count, self.size, strict=True), others
        ):
            cut = cut.narrow(i, first, (count - 1) * jump + size).unfold(i, size, jump)
        if not rank:
            return cut[None].expand(len(boxes), *cut.shape)
        front = cut.permute(*range(others, others + rank), *range(others), *range(others + rank, cut.ndim))
        return front[torch.unravel_index(boxes, self.count)]


@dataclass(frozen=True)
class Crossed:
    """Mean and covariance of units with what they see, over pairs of a box of the input and the unit that looks at it.

    The samples are dealt in turn into groups that are kept apart, so that the spread between groups tells how uncertain
    anything made of the sums is, however alike the pairs of one sample are. In double precision (Chan et al. 1979).

    State, of `group`s of samples, `pixel`s of a box and `unit`s: `count (group,)` of pairs, `mean (group, pixel)`,
    `means (group, unit)`, `spread (group, pixel)` and `spreads (group, unit)`, sums of squared deviations,
    `cross (group, pixel, unit)`, sums of products of deviations, `own (group, pixel, pixel)` if asked for; `broken ()`:
    pairs left out because they are not finite, `other ()`: samples left out because they have another shape.

    Args:
        window: the boxes.
        shape: of one sample of the input, without the batch.
        positions: of the layer.
        channels: the units, whose values at all positions count alike.
        groups: how many.
        most: pairs of one sample; of more boxes a random choice, another one for each sample.
        own: whether the covariance of the pixels is kept too.
        seed: of that choice.
    """

    site: Layer
    window: Window
    shape: tuple[int, ...]
    positions: int
    channels: tuple[int, ...]
    groups: int = 20
    most: int = 256
    own: bool = False
    seed: int = 0

    def update(self, state: State | None, cells: Tensor, samples: Samples) -> State:
        batch = self._empty(cells.device)
        value = _entered(samples)
        if tuple(value.shape[1:]) != self.shape or cells.shape[2] != self.positions:
            batch["other"] += len(cells)
            return batch if state is None else self.merge(state, batch)
        chosen = torch.tensor(self.channels, device=cells.device)
        with one_thread():
            for i, ordinal in enumerate(samples.ordinals.tolist()):
                boxes = self._boxes(ordinal, cells.device)
                seen = self.window.patches(value[i : i + 1], boxes).flatten(1).double()
                units = cells[i].index_select(0, chosen)[:, self.window.cells(boxes)].T.double()
                self._add(batch, ordinal % self.groups, seen, units)
        return batch if state is None else self.merge(state, batch)

    def merge(self, a: State, b: State) -> State:
        count = a["count"] + b["count"]
        share = b["count"].double() / count.clamp(min=1)
        weight = a["count"] * share
        gap, gaps = b["mean"] - a["mean"], b["means"] - a["means"]
        merged = {
            "count": count,
            "mean": a["mean"] + gap * share[:, None],
            "means": a["means"] + gaps * share[:, None],
            "spread": a["spread"] + b["spread"] + gap**2 * weight[:, None],
            "spreads": a["spreads"] + b["spreads"] + gaps**2 * weight[:, None],
            "cross": (a["cross"] + b["cross"]).baddbmm_((gap * weight[:, None])[:, :, None], gaps[:, None]),
            "broken": a["broken"] + b["broken"],
            "other": a["other"] + b["other"],
        }
        if self.own:
            merged["own"] = (a["own"] + b["own"]).baddbmm_((gap * weight[:, None])[:, :, None], gap[:, None])
        return merged

    @property
    def pixels(self) -> int:
        """Values in a box."""
        others = [side for axis, side in enumerate(self.shape, 1) if axis not in self.window.axes]
        return prod(self.window.size) * prod(others)

    def _empty(self, device: torch.device) -> State:
        pixels, units = self.pixels, len(self.channels)
        shapes = {
            "mean": (pixels,),
            "means": (units,),
            "spread": (pixels,),
            "spreads": (units,),
            "cross": (pixels, units),
            **({"own": (pixels, pixels)} if self.own else {}),
        }
        made = {
            name: torch.zeros(self.groups, *shape, dtype=torch.float64, device=device) for name, shape in shapes.items()
        }
        counts = {name: torch.zeros((), dtype=torch.int64, device=device) for name in ("broken", "other")}
        return {"count": torch.zeros(self.groups, dtype=torch.int64, device=device), **made, **counts}

    def _boxes(self, ordinal: int, device: torch.device) -> Tensor:
        """Which boxes of a sample are looked at, in rising order."""
        every = torch.arange(self.window.boxes, device=device)
        if len(every) <= self.most:
            return every
        return shuffled((ordinal << 32) | every, self.seed).topk(self.most, largest=False).indices.sort().values

    def _add(self, batch: State, group: int, seen: Tensor, units: Tensor) -> None:
        """One more sample, in place."""
        fine = seen.isfinite().all(1) & units.isfinite().all(1)
        if not bool(fine.all()):
            batch["broken"] += (~fine).sum()
            seen, units = seen[fine], units[fine]
        if not len(seen):
            return
        mean, means = seen.mean(0), units.mean(0)
        seen, units = seen - mean, units - means
        before = int(batch["count"][group])
        count = before + len(seen)
        weight = before * len(seen) / count
        gap, gaps = mean - batch["mean"][group], means - batch["means"][group]
        batch["count"][group] = count
        batch["mean"][group] += gap * (len(seen) / count)
        batch["means"][group] += gaps * (len(seen) / count)
        batch["spread"][group] += (seen**2).sum(0) + gap**2 * weight
        batch["spreads"][group] += (units**2).sum(0) + gaps**2 * weight
        batch["cross"][group].addmm_(seen.T, units).addr_(gap, gaps, alpha=weight)
        if self.own:
            batch["own"][group].addmm_(seen.T, seen).addr_(gap, gap, alpha=weight)


@contextmanager
def one_thread() -> Generator[None]:
    """Products of matrices are added up alike however many threads there are."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def evenly(channels: int, most: int) -> tuple[int, ...]:
    """At most so many of the channels, evenly spread."""
    return tuple(np.unique(np.linspace(0, channels - 1, min(channels, most)).round().astype(int)).tolist())


def _entered(samples: Samples) -> Tensor:
    """The explained input."""
    x: Sequence[Tensor] = [] if samples.x is None else [samples.x.tensors[samples.x.explained[0]]]
    return x[0] if x else samples.ordinals
