"""Receptive fields: which box of the input can reach a unit, read off the calls that ran.

The rule r + (k - 1) d j of chains (Araujo et al. 2019, Distill) is kept where it holds; beside it every cell has its
own box, so that branches, borders, crops and interpolations are exact too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from pellucid.core.errors import NotApplicable
from pellucid.core.sites import Place
from pellucid.core.text import Text
from pellucid.engine.receptive.notes import Notes
from pellucid.engine.receptive.rules import Setting, Unknown, given_by
from pellucid.engine.receptive.spans import FAR, Spans, compacted, everything, itself, nothing
from pellucid.engine.roles import Layout

Box = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """Boxes of one size in equal steps along an axis: that of unit `i` starts at `offset + jump * i`.

    Args:
        axis: of the layer's grid.
        jump, offset, size: in cells of the input; a box may overhang the input.
    """

    axis: int
    jump: int
    offset: int
    size: int


@dataclass(frozen=True, eq=False)
class Field:
    """The receptive fields of all units of one layer.

    Args:
        grid: of the layer; empty where its units have no place.
        extent: of the input, along the axes that have places.
        starts, stops: for each axis of the input where the boxes start and stop, `(channel, *grid)` or of size 1 where
            it makes no difference; inside the input. Tight, unless an attention is masked: masks are not
            read.
        steps: for each axis of the input, where all boxes step equally.
        local: whether paths through calls that go over the whole input (`mixed`) are left out.
        mixed: names of these calls before this layer.
        unknown: names of calls before this layer of which it is not known what they read: taken to read everything, and
            left out of local paths.
    """

    grid: tuple[int, ...]
    extent: tuple[int, ...]
    starts: tuple[np.ndarray, ...]
    stops: tuple[np.ndarray, ...]
    steps: tuple[Steps | None, ...]
    local: bool = False
    mixed: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()

    @property
    def whole(self) -> bool:
        """Whether every unit reads the whole input."""
        ends = zip(self.starts, self.stops, self.extent, strict=True)
        return all((start == 0).all() and (stop == size).all() for start, stop, size in ends)

    @property
    def size(self) -> tuple[int, ...]:
        """Of the region of a unit; of the largest box where they differ."""
        spread = zip(self.steps, self.starts, self.stops, strict=True)
        return tuple(
            step.size if step is not None else max(int((stop - start).max()), 0) for step, start, stop in spread
        )

    def box(self, position: Sequence[int], channel: int | None = None) -> Box | None:
        """Start and stop along each axis of the input of what can change a unit; None if nothing can.

        Args:
            position: on the layer's grid.
            channel: of the unit; without it what can change any channel there.
        Raises:
            NotApplicable: the grid has no such position.
        """
        at = self._checked(position)
        ends = [
            (int(_at(start, at, channel).min()), int(_at(stop, at, channel).max()))
            for start, stop in zip(self.starts, self.stops, strict=True)
        ]
        return tuple(ends) if all(start < stop for start, stop in ends) else None

    def region(self, position: Sequence[int]) -> Box | None:
        """`box`, of the same size for every unit and overhanging the input at its borders, where boxes step equally."""
        at, box = self._checked(position), self.box(position)
        if box is None:
            return None
        regions: list[tuple[int, int]] = []
        for step, one in zip(self.steps, box, strict=True):
            start = one[0] if step is None else step.offset + step.jump * at[step.axis]
            regions.append(one if step is None else (start, start + step.size))
        return tuple(regions)

    def _checked(self, position: Sequence[int]) -> tuple[int, ...]:
        at = tuple(int(one) for one in position)
        if len(at) != len(self.grid) or any(not 0 <= i < n for i, n in zip(at, self.grid, strict=True)):
            raise NotApplicable(
                Text(f"there is no unit at {at} on a grid of {self.grid}", f"{self.grid} 的网格上没有位于 {at} 的单元")
            )
        return at


def _at(table: np.ndarray, at: tuple[int, ...], channel: int | None) -> np.ndarray:
    spot = tuple(min(i, n - 1) for i, n in zip(at, table.shape[1:], strict=True))
    rows = slice(None) if channel is None or table.shape[0] == 1 else slice(channel, channel + 1)
    return table[(rows, *spot)]


@dataclass(frozen=True)
class _Way:
    """What is known of a value: boxes, and the calls on the way that mix or are not known."""

    spans: Spans
    mixed: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()


@dataclass(eq=False)
class Fields:
    """Receptive fields in one forward, worked out when they are asked for.

    Args:
        notes: of the forward of one example.
        axes: of the input whose coordinates count.
    """

    notes: Notes
    axes: tuple[int, ...]
    _ways: dict[bool, list[_Way]] = field(default_factory=dict)
    _made: dict[tuple[Place, Layout | None, bool], Field | None] = field(default_factory=dict)

    def at(self, place: Place, layout: Layout | None, *, local: bool = False) -> Field | None:
        """The fields of the units of a place; None if nothing there depends on the input as far as is seen.

        Args:
            layout: how the place's output lies on a grid.
            local: leave out paths through calls that go over the whole input.
        """
        key = (place, layout, local)
        if key not in self._made:
            number = self.notes.places.get(place)
            self._made[key] = None if number is None else self._of(number, layout, local)
        return self._made[key]

    def _of(self, number: int, layout: Layout | None, local: bool) -> Field | None:
        way = self._followed(local=False)[number]
        spans, local = way.spans, local and bool(way.mixed or way.unknown)
        if local:
            spans = self._followed(local=True)[number].spans
        if spans.empty:
            return None
        extent = tuple(self.notes.shapes[0][axis] for axis in self.axes)
        grid, lows = _laid_out(spans, self.notes.shapes[number], layout)
        rank = len(extent)
        starts, stops = lows[:rank], tuple(-one for one in lows[rank:])
        steps = tuple(
            _steps(line, starts[axis], stops[axis], grid, extent[axis], layout) for axis, line in enumerate(spans.lines)
        )
        return Field(grid, extent, starts, stops, steps, local, way.mixed, way.unknown)

    def _followed(self, *, local: bool) -> list[_Way]:
        if local not in self._ways:
            every = self._followed(local=False) if local else None
            self._ways[local] = _follow(self.notes, self.axes, every)
        return self._ways[local]


def _follow(notes: Notes, axes: tuple[int, ...], every: list[_Way] | None) -> list[_Way]:
    """The way of every value by number; on local paths where the ways on every path are given."""
    extent = [notes.shapes[0][axis] for axis in axes]
    ways: dict[int, _Way] = {0: _Way(itself(notes.shapes[0], axes))}
    setting = Setting(notes.shapes, notes.device, local=every is not None)
    for i, step in enumerate(notes.steps):
        if every is not None and not any(every[number].mixed or every[number].unknown for number in step.outputs):
            ways.update((number, every[number]) for number in step.outputs)
            continue
        before = [ways[number] for number in step.inputs]
        mixed, unknown = (frozenset().union(*(getattr(one, kind) for one in before)) for kind in ("mixed", "unknown"))
        setting.mixed = set()
        try:
            if notes.read_at is not None and i >= notes.read_at:
                raise Unknown(notes.reader)
            found = given_by(
                step, {number: way.spans for number, way in zip(step.inputs, before, strict=True)}, setting
            )
        except Unknown as error:
            unknown |= {str(error)}
            ranks = {number: len(notes.shapes[number]) for number in step.outputs}
            found = {
                number: nothing(ndim, len(extent)) if setting.local else everything(ndim, extent)
                for number, ndim in ranks.items()
            }
        for number, spans in found.items():
            ways[number] = _Way(spans, mixed | setting.mixed, unknown)
    return [ways[number] for number in range(len(notes.shapes))]


def _laid_out(
    spans: Spans, shape: tuple[int, ...], layout: Layout | None
) -> tuple[tuple[int, ...], tuple[np.ndarray, ...]]:
    """The layer's grid, and every table as `(channel, *grid)`, of size 1 where it makes no difference."""
    if layout is None:
        features = len(shape) == 2
        lows = (low.min(0) if features else low.min(keepdims=True).reshape(1) for low in spans.lows)
        return (), tuple(lows)
    return layout.grid, tuple(compacted(_on_grid(low, layout)) for low in spans.lows)


def _on_grid(low: np.ndarray, layout: Layout) -> np.ndarray:
    if layout.kind == "channels_first":
        return low.min(0)
    if layout.kind == "channels_last":
        return np.moveaxis(low.min(0), -1, 0)
    low = low.min(0)
    if low.shape[0] > 1:
        low = low[layout.prefix : layout.prefix + prod(layout.grid)].reshape(*layout.grid, low.shape[-1])
    else:
        low = low.reshape(*(1 for _ in layout.grid), low.shape[-1])
    return np.moveaxis(low, -1, 0)


def _steps(
    line: Any, starts: np.ndarray, stops: np.ndarray, grid: tuple[int, ...], extent: int, layout: Layout | None
) -> Steps | None:
    """Equal steps that hold every box, and are the boxes themselves wherever they do not overhang the input."""
    start, stop = starts.min(0), stops.max(0)
    if line is not None and layout is not None and layout.kind != "tokens":
        axis = line.dim + len(grid) + (layout.kind == "channels_last")
        found = Steps(axis, line.jump, line.offset, line.size)
        if 0 <= axis < len(grid) and _hold(found, start, stop, grid, extent):
            return found
    for axis, cells in enumerate(grid):
        first, last = (_along(one, axis) for one in (start, stop))
        found = None if first is None or last is None or cells < 2 else _fitted(axis, first, last, extent)
        if found is not None and _hold(found, start, stop, grid, extent):
            return found
    return None


def _fitted(axis: int, starts: np.ndarray, stops: np.ndarray, extent: int) -> Steps | None:
    """Equal steps through the boxes that no border of the input can have cut, or else through all."""
    (clear,) = np.nonzero((starts > 0) & (stops < extent)) if len(starts) == len(stops) else ((),)
    at = list(clear if len(clear) > 1 else range(min(len(starts), len(stops))))[:2]
    if len(at) < 2 or starts[at[0]] >= FAR:
        return None
    jump = int(starts[at[1]] - starts[at[0]]) // int(at[1] - at[0])
    offset = int(starts[at[0]]) - jump * int(at[0])
    return Steps(axis, jump, offset, int(stops[at[0]] - starts[at[0]])) if jump > 0 else None


def _along(table: np.ndarray, axis: int) -> np.ndarray | None:
    """A table that depends on one axis at most, along that axis."""
    return table.ravel() if all(size == 1 for d, size in enumerate(table.shape) if d != axis) else None


def _hold(steps: Steps, start: np.ndarray, stop: np.ndarray, grid: tuple[int, ...], extent: int) -> bool:
    cells = np.arange(grid[steps.axis]).reshape([-1 if d == steps.axis else 1 for d in range(len(grid))])
    low = steps.offset + steps.jump * cells
    high = low + steps.size
    inside = (low >= 0) & (high <= extent)
    holds = (np.maximum(low, 0) <= start) & (np.minimum(high, extent) >= stop)
    return bool(holds.all() and (~inside | ((low == start) & (high == stop))).all())
