"""Windows that slide over a grid, and maps made of one number per window."""

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor

from pellucid.core.errors import BadSetting
from pellucid.core.text import Text


def sliding_windows(grid: Sequence[int], size: Sequence[int], stride: Sequence[int]) -> Tensor:
    """Every place of a window: `(window, axis, 2)` integers, where it starts and stops, the last axis moving fastest.

    Along each axis the windows start at 0, `stride`, 2 `stride`, ... until one reaches the end; the last one is cut
    there, not moved.
    """
    axes = [
        [(start, min(start + width, side)) for start in range(0, _last(side, width, step) + 1, step)]
        for side, width, step in zip(grid, size, stride, strict=True)
    ]
    return torch.tensor(list(product(*axes)), dtype=torch.long).reshape(-1, len(axes), 2)


def _last(side: int, width: int, step: int) -> int:
    """Start of the first window that reaches the end."""
    return max(0, -(-(side - width) // step)) * step


def averaged(windows: Tensor, values: Tensor, grid: Sequence[int]) -> Tensor:
    """A map in which every cell has the mean of the values of the windows that hold it; 0 where there is none.

    Args:
        windows: `(window, axis, 2)`.
        values: `(window,)`, float64 for sums that lose nothing.
        grid: shape of the map.
    """
    total = values.new_zeros(tuple(grid))
    count = values.new_zeros(tuple(grid))
    for window, value in zip(windows.tolist(), values, strict=True):
        at = tuple(slice(start, stop) for start, stop in window)
        total[at] += value
        count[at] += 1
    return total / count.clamp(min=1)


def one_per_axis(name: str, asked: int | tuple[int, ...] | None, usual: tuple[int, ...]) -> tuple[int, ...]:
    """A setting of windows along each axis: one number means it for all, None the usual ones.

    Raises:
        BadSetting: another number of them than of axes, or one below 1.
    """
    if asked is None:
        return usual
    sides = asked if isinstance(asked, tuple) else (asked,) * len(usual)
    if len(sides) != len(usual) or min(sides) < 1:
        raise BadSetting(
            Text(f"{name}={asked} for {len(usual)} axes", f"{name}={asked} 与 {len(usual)} 个轴不符"),
            nearest="a number from 1, or one for each axis",
        )
    return sides
