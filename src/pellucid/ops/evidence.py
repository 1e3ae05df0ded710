"""Shares of a target: products of a value and the gradient there."""

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.ops.precision import in_double

_MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}


def by_example(share: Tensor, examples: int) -> Tensor:
    """The sum over everything but the examples, in double precision on the CPU; `(example,)`.

    The examples are the first axis, the second where only that has their number (step, example, feature), or else lie
    in the first, each with several rows (windows). Where none of this holds the sum is shared out evenly.
    """
    wide = in_double(share).cpu()
    if wide.ndim > 1 and wide.shape[0] != examples and wide.shape[1] == examples:
        return wide.movedim(1, 0).flatten(1).sum(1)
    if wide.ndim and wide.shape[0] % examples == 0 and wide.shape[0]:
        return wide.reshape(examples, -1).sum(1)
    return wide.sum().expand(examples) / examples


def enlarged(maps: Tensor, grid: tuple[int, ...]) -> Tensor:
    """`(batch, channel, *cells)` brought to a grid of one, two or three axes, linearly, with half-pixel centres."""
    if maps.shape[2:] == grid:
        return maps
    return functional.interpolate(maps, grid, mode=_MODES[len(grid)], align_corners=False)


def unit_range(maps: Tensor, *, each: bool) -> Tensor:
    """Less the smallest, over the largest: of each channel, or of all channels of an example together."""
    axes = tuple(range(2 if each else 1, maps.ndim))
    shifted = maps - maps.amin(axes, keepdim=True)
    top = shifted.amax(axes, keepdim=True)
    return shifted / torch.where(top > 0, top, 1.0)
