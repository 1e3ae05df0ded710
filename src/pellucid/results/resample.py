"""Bilinear resampling on a half-pixel grid, axis by axis."""

from functools import cache

import numpy as np


@cache
def taps(source: int, goal: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each of `goal` positions: the two source positions it lies between, and the share of the second.

    Pixels are areas, their centres at half coordinates; positions beyond the first and last centre take its value. This
    is `torch.nn.functional.interpolate(..., align_corners=False)` without antialiasing.
    """
    where = np.clip((np.arange(goal) + 0.5) * (source / goal) - 0.5, 0, None)
    low = np.minimum(where.astype(np.int64), source - 1)
    high = np.minimum(low + 1, source - 1)
    return low, high, np.where(high > low, where - low, 0.0)


def resample(values: np.ndarray, grid: tuple[int, ...]) -> np.ndarray:
    """Bring the last axes of `values` to the sizes in `grid`; leading axes stay.

    Values that are not finite stay where they were and spread to their neighbours only.
    """
    kind = values.dtype if values.dtype.kind == "f" else np.dtype(np.float32)
    wide = values.astype(np.float64)
    for offset, goal in enumerate(grid):
        axis = values.ndim - len(grid) + offset
        if wide.shape[axis] == goal:
            continue
        if wide.shape[axis] == 0:
            raise ValueError("an axis without elements has nothing to resample")
        low, high, share = taps(wide.shape[axis], goal)
        share = share.reshape(-1, *[1] * (wide.ndim - axis - 1))
        with np.errstate(invalid="ignore"):
            wide = np.take(wide, low, axis) * (1 - share) + np.take(wide, high, axis) * share
    return wide.astype(kind)
