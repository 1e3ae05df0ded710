"""From attribution values to one number per position of what they lie on."""

from typing import TYPE_CHECKING

import numpy as np

from pellucid.results.resample import resample

if TYPE_CHECKING:
    from pellucid.results.attribution import Attribution


def heat(result: "Attribution") -> np.ndarray:
    """`(batch, *grid)`: reduced over channels or features, then brought to the grid of the base; not normalised."""
    with np.errstate(invalid="ignore", over="ignore"):
        reduced = reduce(result)
    grid = result.base.grid if result.base is not None else ()
    return resample(reduced, grid) if grid and reduced.ndim == len(grid) + 1 else reduced


def reduce(result: "Attribution") -> np.ndarray:
    """`values` with the channel or feature axis made one number, at the resolution of the method."""
    values = result.values
    if result.reduction == "none":
        return values
    axis = _axis(result)
    if axis is None:
        return values if result.reduction == "sum" else np.abs(values)
    if result.reduction == "sum":
        return values.sum(axis, dtype=np.float64).astype(values.dtype)
    if result.reduction == "max_abs":
        return np.abs(values).max(axis)
    return np.sqrt(np.square(values, dtype=np.float64).sum(axis)).astype(values.dtype)


def _axis(result: "Attribution") -> int | None:
    """The axis that is reduced, None where there is one number per position already."""
    grid = result.base.grid if result.base is not None else ()
    if (grid and result.values.ndim <= len(grid) + 1) or result.values.ndim < 2:
        return None
    tokens = result.base is not None and result.base.kind == "tokens"
    wanted = ("feature", "channel") if tokens else ("channel", "feature")
    for name in wanted:
        if name in result.axes and len(result.axes) == result.values.ndim:
            return result.axes.index(name)
    return result.values.ndim - 1 if tokens else 1
