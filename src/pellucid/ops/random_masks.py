"""Random smooth masks, and what a score owes to each place that they uncover (Petsiuk et al. 2018)."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from pellucid.ops.draws import generator

_SMOOTH = {1: "linear", 2: "bilinear", 3: "trilinear"}


def smooth_mask(grid: tuple[int, ...], cells: int, probability: float, draw: torch.Generator) -> Float[Tensor, "*grid"]:
    """One mask in 0..1: `cells` along each axis, each open with `probability`, enlarged linearly, randomly shifted.

    The coarse mask is enlarged to one cell more than the grid along each axis and cut at a random place, as the paper
    has it. Axes: one to three.
    """
    sides = [min(cells, side) for side in grid]
    steps = [-(-side // count) for side, count in zip(grid, sides, strict=True)]
    open_cells = (torch.rand(sides, generator=draw) < probability).float()
    sizes = [(count + 1) * step for count, step in zip(sides, steps, strict=True)]
    large = functional.interpolate(open_cells[None, None], sizes, mode=_SMOOTH[len(grid)], align_corners=False)[0, 0]
    shifts = [int(torch.randint(step, (), generator=draw)) for step in steps]
    return large[tuple(slice(shift, shift + side) for shift, side in zip(shifts, grid, strict=True))]


def smooth_masks(
    grid: tuple[int, ...], cells: int, probability: float, seed: int, start: int, stop: int
) -> Float[Tensor, "mask *grid"]:
    """Masks number `start` to `stop` of a seed."""
    return torch.stack([smooth_mask(grid, cells, probability, generator(seed, i)) for i in range(start, stop)])


class MaskMoments:
    """Sums over masks and scores from which both maps and their errors are made; float64.

    Args:
        level: about what the scores are; subtracted inside, so that sums do not cancel. No result depends on it.
    """

    def __init__(self, level: float) -> None:
        self.level, self.count = level, 0
        self.score, self.score_squared = 0.0, 0.0
        self.sums: list[Tensor] = []

    def add(self, masks: Float[Tensor, "mask *place"], scores: Float[Tensor, " mask"]) -> None:
        """More masks with their scores."""
        open_, score = masks.double().flatten(1), scores.double().cpu() - self.level
        squared = open_.square()
        rows = torch.stack([torch.ones_like(score), score, score.square()])
        first, second = rows @ open_, rows @ squared
        new = [*first, *second]
        self.sums = [a + b for a, b in zip(self.sums, new, strict=True)] if self.sums else new
        self.score += float(score.sum())
        self.score_squared += float(score.square().sum())
        self.count += len(score)

    def slope(self) -> tuple[Tensor, Tensor]:
        """cov(score, mask) / var(mask) at each place, and its standard error; 0 where the mask never changed."""
        m, fm, _, mm, _, _ = self.sums
        n = self.count
        spread = mm - m.square() / n
        both = fm - self.score * m / n
        total = self.score_squared - self.score**2 / n
        moves = spread > 1e-9 * mm
        spread = torch.where(moves, spread, 1)
        slope = torch.where(moves, both / spread, 0)
        left = (total - slope * both).clamp(min=0) / max(n - 2, 1)
        return slope, torch.where(moves, (left / spread).sqrt(), 0)

    def average(self) -> tuple[Tensor, Tensor]:
        """Σ score·mask / Σ mask at each place, and its standard error."""
        m, fm, _, mm, fmm, ffmm = self.sums
        weight = m.clamp(min=1e-30)
        mean = fm / weight
        left = (ffmm - 2 * mean * fmm + mean.square() * mm).clamp(min=0)
        return mean + self.level, left.sqrt() / weight
