"""Convolutions, pools and interpolations: which cells each of their cells reads, from the facts that replays use."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pellucid.engine.cones.boxes import Grid
from pellucid.engine.cones.operations import Window, neighbourhood
from pellucid.engine.cones.tape import Step
from pellucid.engine.receptive.spans import Line, Spans

_MODES = {"linear": "bilinear", "trilinear": "bilinear"}


def windowed(step: Step, source: Spans, shape: Grid, out: Grid) -> Spans | None:
    """What each cell that a call gives reads; None if the call is no window.

    Args:
        source, shape: of what it reads.
        out: shape of what it gives.
    """
    window = neighbourhood(step.name, step.args, step.kwargs)
    if window is not None:
        return _through(window, source, shape, out)
    if step.name.startswith("adaptive_"):
        rank = int(step.name.partition("_pool")[2][0])
        taps = [_adaptive(n, m) for n, m in zip(shape[-rank:], out[-rank:], strict=True)]
        return _by_taps(source, taps, [_even(n, m) for n, m in zip(shape[-rank:], out[-rank:], strict=True)], shape)
    if step.name == "interpolate":
        taps = [_interpolated(step, axis, n, out[2 + axis]) for axis, n in enumerate(shape[2:])]
        return _by_taps(source, taps, [None] * len(taps), shape)
    return None


def covers(step: Step, shape: Grid, out: Grid) -> bool:
    """Whether a pool takes a mean, or an adaptive pool anything, over a whole map of several cells at once."""
    rank = next((int(one) for one in step.name.partition("_pool")[2][:1]), 0)
    if not rank or max(shape[-rank:]) == 1 or max(out[-rank:]) > 1:
        return False
    return step.name.startswith("adaptive_") or step.name.startswith("avg")


def _through(window: Window, source: Spans, shape: Grid, out: Grid) -> Spans:
    reach, rank = window.reach, len(window.reach.kernel)
    if window.kind in ("conv", "transposed"):
        source = by_group(source, -rank - 1, int(window.given["groups"]), out[-rank - 1])
    make = reach.spread_taps if window.kind == "transposed" else reach.taps
    taps = [make(axis, shape[axis - rank], out[axis - rank]) for axis in range(rank)]
    steps: list[tuple[int, int, int] | None] = [None] * rank
    if window.kind != "transposed":
        steps = list(zip(reach.stride, (-one for one in reach.padding), map(int, reach.span), strict=True))
    return _by_taps(source, taps, steps, shape)


def by_group(source: Spans, dim: int, groups: int, out: int) -> Spans:
    """Every channel along `dim` reads all of its group; afterwards there are `out` of them."""

    def joined(low: np.ndarray) -> np.ndarray:
        channels = low.shape[dim]
        if channels == 1:
            return low
        moved = np.moveaxis(low, dim, -1)
        least = moved.reshape(*moved.shape[:-1], groups, channels // groups).min(-1)
        return np.moveaxis(least.repeat(out // groups, axis=-1), -1, dim)

    return source.mapped(joined, source.lines).compact()


def _by_taps(source: Spans, taps: list[np.ndarray], steps: list[tuple[int, int, int] | None], shape: Grid) -> Spans:
    """Read along every axis in turn.

    Args:
        steps: for each axis stride, first cell and number of cells read, where these are the same everywhere.
    """
    rank, lines = len(taps), source.lines
    for axis, one in enumerate(taps):
        source = source.windowed(axis - rank, one, shape[axis - rank])
    for number, line in enumerate(lines):
        if line is not None and -line.dim <= rank:
            source = source.with_line(number, _stepped(line, steps[line.dim + rank]))
    return source


def _stepped(line: Line, step: tuple[int, int, int] | None) -> Line | None:
    if step is None:
        return None
    stride, first, span = step
    return Line(line.dim, line.jump * stride, line.offset + line.jump * first, line.size + line.jump * (span - 1))


def _even(cells: int, out: int) -> tuple[int, int, int] | None:
    return (cells // out, 0, cells // out) if cells % out == 0 else None


def _adaptive(cells: int, out: int) -> np.ndarray:
    cell = np.arange(out)
    first, last = cell * cells // out, -(-(cell + 1) * cells // out)
    read = first[:, None] + np.arange(int((last - first).max()))[None]
    return np.where(read < last[:, None], read, -1)


def _interpolated(step: Step, axis: int, cells: int, out: int) -> np.ndarray:
    """The cells with a weight, found by sending each of them through the same interpolation.

    They lie in a row: with `antialias` PyTorch interpolates a column of width one falsely.
    """
    given: Mapping[str, Any] = {
        **dict(zip(("size", "scale_factor", "mode", "align_corners", "recompute"), step.args[1:], strict=False)),
        **step.kwargs,
    }
    scale = given.get("scale_factor")
    factor = scale[axis] if isinstance(scale, (tuple, list)) else scale
    exact = factor is not None and not given.get("recompute_scale_factor", given.get("recompute"))
    mode = str(given.get("mode", "nearest"))
    each = torch.eye(cells, dtype=torch.float64)[:, None, None, :]
    weights = functional.interpolate(
        each,
        size=None if exact else (1, out),
        scale_factor=(1.0, float(factor)) if exact and factor is not None else None,  # type: ignore[arg-type]
        mode=_MODES.get(mode, mode),
        align_corners=given.get("align_corners"),
        antialias=bool(given.get("antialias", False)),
    )
    return _of_matrix(weights[:, 0, 0].T)


def _of_matrix(weights: Tensor) -> np.ndarray:
    """`(out, tap)` of a matrix `(out, cell)`."""
    there = (weights != 0).cpu().numpy()
    taps = np.where(there, np.arange(there.shape[1])[None], -1)
    return -np.sort(-taps, axis=1)[:, : max(int(there.sum(1).max()), 1)]
