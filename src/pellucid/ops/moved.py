"""Pictures moved, turned and scaled a little, all in one resampling through which gradients flow."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


@dataclass(frozen=True)
class Moves:
    """How far a draw may go.

    Args:
        shift: of each axis, as a share of its side.
        scale: the smallest and the largest factor.
        angle: in degrees, either way.
        still: how often, of a hundred, a picture is not turned.
    """

    shift: float = 0.09
    scale: tuple[float, float] = (0.9, 1.1)
    angle: float = 10.0
    still: float = 20.0


def moved(value: Float[Tensor, "batch channel ..."], moves: Moves, draw: torch.Generator) -> Tensor:
    """All examples moved alike, at the same size; what enters at a border is mirrored from inside.

    Arrays with one or three axes are only shifted, around the border; those without axes stay as they are.
    """
    rank = value.ndim - 2
    shifts = (torch.rand(max(rank, 1), generator=draw) * 2 - 1) * moves.shift
    if rank != 2:
        cells = [round(float(shift) * side) for shift, side in zip(shifts, value.shape[2:], strict=False)]
        return value.roll(cells, tuple(range(2, value.ndim))) if rank else value
    factor, turn, still = torch.rand(3, generator=draw).tolist()
    scale = moves.scale[0] + factor * (moves.scale[1] - moves.scale[0])
    angle = 0.0 if still * 100 < moves.still else math.radians((turn * 2 - 1) * moves.angle)
    height, width = value.shape[2:]
    cos, sin = math.cos(angle) / scale, math.sin(angle) / scale
    matrix = [
        [cos, -sin * height / width, 2 * float(shifts[1])],
        [sin * width / height, cos, 2 * float(shifts[0])],
    ]
    theta = torch.tensor([matrix], dtype=value.dtype, device=value.device).expand(len(value), 2, 3)
    grid = affine_grid(theta, list(value.shape), align_corners=False)
    return grid_sample(value, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
