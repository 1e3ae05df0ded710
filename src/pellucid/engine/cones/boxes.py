"""Where a change of the input can reach: boxes on the grid of a layer, one for each variant, all of one size."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

Grid = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Boxes:
    """One box for each variant.

    Args:
        starts: `(variant, axis)`; may lie outside the grid where a region is read with its padding.
        size: along each axis.
    """

    starts: np.ndarray
    size: Grid

    def share(self, grid: Grid) -> float:
        """Of the grid's cells."""
        return prod(self.size) / max(prod(grid), 1)

    def inside(self, grid: Grid) -> bool:
        """Whether no box overhangs."""
        return bool((self.starts >= 0).all() and (self.starts + self.size <= np.array(grid)).all())

    def same(self, other: "Boxes") -> bool:
        """Whether both are the same boxes."""
        return self.size == other.size and np.array_equal(self.starts, other.starts)

    def shifted(self, by: Sequence[int]) -> "Boxes":
        """The same boxes elsewhere."""
        return Boxes(self.starts + np.array(by), self.size)


def around(starts: np.ndarray, stops: np.ndarray, grid: Grid) -> Boxes:
    """Boxes of one size inside the grid, each holding `starts` to `stops` as far as that lies inside.

    All are as large as the largest; what a box holds beyond its own part did not change and may be computed again.
    """
    starts, stops = (np.clip(one, 0, grid) for one in (starts, stops))
    size = np.maximum((stops - starts).max(0), 1)
    size = np.minimum(size, grid)
    return Boxes(np.clip(starts, 0, np.array(grid) - size), tuple(map(int, size)))


def union(each: Sequence[Boxes], grid: Grid) -> Boxes:
    """The smallest boxes that hold all of `each`."""
    if all(one.same(each[0]) for one in each):
        return each[0]
    starts = np.minimum.reduce([one.starts for one in each])
    stops = np.maximum.reduce([one.starts + one.size for one in each])
    return around(starts, stops, grid)


@dataclass(frozen=True)
class Reach:
    """How the cells of an operation's output read those of its input, along each axis.

    Args:
        kernel, stride, dilation: as of a convolution or pool.
        padding: in front.
    """

    kernel: Grid
    stride: Grid
    padding: Grid
    dilation: Grid

    @property
    def span(self) -> np.ndarray:
        """Input cells from the first to the last that one output cell reads."""
        return (np.array(self.kernel) - 1) * self.dilation + 1

    def reached(self, boxes: Boxes, grid: Grid) -> Boxes:
        """The part of the output, a map of size `grid`, that depends on `boxes` of the input."""
        first = boxes.starts + self.padding - self.span + 1
        last = boxes.starts + boxes.size - 1 + self.padding
        return around(-(-first // np.array(self.stride)), last // np.array(self.stride) + 1, grid)

    def read(self, boxes: Boxes) -> Boxes:
        """The part of the input that `boxes` of the output depend on; it may lie in the padding."""
        size = (np.array(boxes.size) - 1) * self.stride + self.span
        return Boxes(boxes.starts * np.array(self.stride) - self.padding, tuple(map(int, size)))

    def taps(self, axis: int, cells: int, out: int) -> np.ndarray:
        """`(out, tap)`: which of `cells` input cells each output cell reads along an axis, -1 in the padding."""
        first = np.arange(out)[:, None] * self.stride[axis] - self.padding[axis]
        read = first + np.arange(self.kernel[axis])[None] * self.dilation[axis]
        return np.where((read >= 0) & (read < cells), read, -1)

    def spread_taps(self, axis: int, cells: int, out: int) -> np.ndarray:
        """`taps` of the transposed operation."""
        read = np.arange(out)[:, None] + self.padding[axis] - np.arange(self.kernel[axis])[None] * self.dilation[axis]
        whole, rest = np.divmod(read, self.stride[axis])
        return np.where((rest == 0) & (whole >= 0) & (whole < cells), whole, -1)

    def backed(self, boxes: Boxes, grid: Grid) -> tuple[Boxes, Boxes]:
        """For the transposed operation: the part of the output, a map of size `grid`, that `boxes` of its input change,
        and the part of the input that this depends on.
        """
        stride = np.array(self.stride)
        first = boxes.starts * stride - self.padding
        out = around(first, (boxes.starts + np.array(boxes.size) - 1) * stride - self.padding + self.span, grid)
        front = -(-(out.starts + self.padding - self.span + 1) // stride)
        back = (out.starts + np.array(out.size) - 1 + self.padding) // stride
        size = (back - front).max(0) + 1
        return out, Boxes(front, tuple(map(int, size)))
