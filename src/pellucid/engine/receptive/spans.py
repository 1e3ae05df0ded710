"""For every cell of a tensor, the box of the input that can reach it, kept as small tables that broadcast."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

FAR = 1 << 40
"""Stands for "no cell": larger than any coordinate, so that a minimum never takes it."""


@dataclass(frozen=True, slots=True)
class Line:
    """Boxes of one size in equal steps along an axis of the tensor, also where they overhang the input.

    Args:
        dim: axis of the tensor, counted from its end (-1 is the last).
        jump: from one cell to the next.
        offset: where the box of cell 0 starts.
        size: of every box.
    """

    dim: int
    jump: int
    offset: int
    size: int

    def joined(self, other: "Line | None") -> "Line | None":
        """What holds the boxes of both; None where they do not step alike."""
        if other is None or (self.dim, self.jump) != (other.dim, other.jump):
            return None
        start = min(self.offset, other.offset)
        return Line(self.dim, self.jump, start, max(self.offset + self.size, other.offset + other.size) - start)


Lines = tuple[Line | None, ...]


@dataclass(frozen=True, eq=False)
class Spans:
    """Where the box of each cell starts and stops.

    Args:
        lows: for each axis of the input the starts, then for each axis the stops with their sign turned, so that the
            smallest is the outermost in both; of the tensor's rank, of size 1 along axes that make no difference.
        lines: for each axis of the input, where the boxes step equally.
    """

    lows: tuple[np.ndarray, ...]
    lines: Lines

    @property
    def rank(self) -> int:
        """Axes of the input."""
        return len(self.lines)

    @property
    def empty(self) -> bool:
        """Whether no cell is reached."""
        return all(bool((low >= FAR).all()) for low in self.lows)

    def mapped(self, change: Callable[[np.ndarray], np.ndarray], lines: Lines | None = None) -> "Spans":
        """Every table changed; the lines are lost unless given."""
        return Spans(tuple(map(change, self.lows)), lines if lines is not None else (None,) * self.rank)

    def compact(self) -> "Spans":
        """Every table of size 1 along the axes on which it does not depend."""
        return self.mapped(compacted, self.lines)

    def places(self, axis: int) -> bool:
        """Whether the boxes lie elsewhere for other cells along an axis of the input, or would on a larger input."""
        return self.lines[axis] is not None or any(self.lows[low].size > 1 for low in (axis, axis + self.rank))

    def over(self, dims: Iterable[int], keep: bool = True) -> "Spans":
        """What all cells along `dims` read together."""
        ndim = self.lows[0].ndim
        gone = sorted({dim % ndim - ndim for dim in dims})
        axes = tuple(gone)
        lines = [
            None if line is None or line.dim in gone else _shifted(line, 0 if keep else sum(d > line.dim for d in gone))
            for line in self.lines
        ]
        return self.mapped(lambda low: low.min(axis=axes, keepdims=keep), tuple(lines))

    def of_rank(self, ndim: int) -> "Spans":
        """With axes of size 1 in front."""
        return self.mapped(lambda low: low.reshape((1,) * (ndim - low.ndim) + low.shape), self.lines)

    def windowed(self, dim: int, taps: np.ndarray, cells: int) -> "Spans":
        """Each cell along `dim` now reads several.

        Args:
            taps: `(cell, tap)` which cells it reads; negative where it reads none.
            cells: there were.
        """

        def read(low: np.ndarray) -> np.ndarray:
            if low.shape[dim] == 1:
                if (taps >= 0).any(1).all():
                    return low
                low = low.repeat(cells, axis=dim)
            moved = np.moveaxis(low, dim, -1)
            padded = np.concatenate([moved, np.full((*moved.shape[:-1], 1), FAR)], axis=-1)
            return np.moveaxis(padded[..., np.where(taps < 0, cells, taps)].min(-1), -1, dim)

        return self.mapped(read, tuple(None if one is None or one.dim == dim else one for one in self.lines)).compact()

    def with_line(self, axis: int, line: Line | None) -> "Spans":
        """The same boxes, with a line for one axis of the input."""
        return Spans(self.lows, (*self.lines[:axis], line, *self.lines[axis + 1 :]))


def _shifted(line: Line, by: int) -> Line:
    return Line(line.dim + by, line.jump, line.offset, line.size)


def compacted(low: np.ndarray) -> np.ndarray:
    """A table of size 1 along the axes on which it does not depend."""
    for axis, size in enumerate(low.shape):
        if size > 1 and np.array_equal(low.take(0, axis), low.take(-1, axis)):
            first = low.take([0], axis)
            low = first if (low == first).all() else low
    return low


def union(spans: Sequence[Spans]) -> Spans:
    """What any of `spans`, which broadcast, reads."""
    ndim = max(one.lows[0].ndim for one in spans)
    first, *more = [one.of_rank(ndim) for one in spans]
    for other in more:
        lows = tuple(np.minimum(a, b) for a, b in zip(first.lows, other.lows, strict=True))
        first = Spans(lows, joined_lines([first, other])).compact()
    return first


def joined_lines(spans: Sequence[Spans]) -> Lines:
    """Lines that hold the boxes of all `spans`; those that read nothing do not count."""
    first, *more = [one.lines for one in spans if not one.empty] or [spans[0].lines]
    for other in more:
        first = tuple(None if a is None else a.joined(b) for a, b in zip(first, other, strict=True))
    return first


def nothing(ndim: int, rank: int) -> Spans:
    """No cell reads anything."""
    return Spans((np.full((1,) * ndim, FAR),) * (2 * rank), (None,) * rank)


def everything(ndim: int, extent: Sequence[int]) -> Spans:
    """Every cell reads the whole input."""
    ends = (*(0 for _ in extent), *(-size for size in extent))
    return Spans(tuple(np.full((1,) * ndim, one) for one in ends), (None,) * len(extent))


def itself(shape: tuple[int, ...], axes: Sequence[int]) -> Spans:
    """The input: every cell reads its own coordinates on `axes`."""
    ndim = len(shape)
    at = [np.arange(shape[axis]).reshape([-1 if d == axis else 1 for d in range(ndim)]) for axis in axes]
    lines = tuple(Line(axis - ndim, 1, 0, 1) for axis in axes)
    return Spans((*at, *(-one - 1 for one in at)), lines).compact()
