"""Total Sobol indices: which share of a function's variance is lost when one of its inputs is held."""

from dataclasses import dataclass

import torch
from torch import Tensor

_FLAT = 1e-6  # of the largest value: below that a spread is rounding


@dataclass(frozen=True, eq=False)
class Indices:
    """How much each input of a function matters, `(input,)` in double precision.

    Args:
        total: share of the variance that is left where all other inputs are held; NaN of a constant function.
        alone: share that the input explains by itself; at most `total`, but for the error of the estimate.
        error: standard error of `total`, had the masks been drawn independently.
        variance: of the function.
    """

    total: Tensor
    alone: Tensor
    error: Tensor
    variance: float


def masks_of(inputs: int, count: int, seed: int) -> Tensor:
    """Points of a scrambled Sobol' sequence for `indices_of`, `(2 + input, count, input)` within 0..1.

    The first two blocks are independent of each other; block `2 + i` is the first one with input `i` of the second.
    """
    drawn = torch.quasirandom.SobolEngine(2 * inputs, scramble=True, seed=seed).draw(count, dtype=torch.float64)
    a, b = drawn[:, :inputs], drawn[:, inputs:]
    mixed = a.repeat(inputs, 1, 1)
    for i in range(inputs):
        mixed[i, :, i] = b[:, i]
    return torch.cat([a[None], b[None], mixed])


def indices_of(scores: Tensor) -> Indices:
    """Estimate the indices from what the function gives at `masks_of`.

    Args:
        scores: `(2 + input, count)`.
    Source:   Jansen 1999, doi:10.1016/S0010-4655(98)00154-4; Saltelli et al. 2010, doi:10.1016/j.cpc.2009.09.018.
    """
    a, b, mixed = scores[0].double(), scores[1].double(), scores[2:].double()
    both = torch.cat([a, b])
    if len(a) < 2 or float(both.std()) <= _FLAT * float(both.abs().max()):
        nothing = torch.full((len(mixed),), torch.nan, dtype=torch.float64, device=scores.device)
        return Indices(nothing, nothing, nothing, 0.0)
    variance = float(both.var())
    halves = (a - mixed).square() / (2 * variance)
    alone = 1 - (b - mixed).square().mean(1) / (2 * variance)
    return Indices(halves.mean(1), alone, halves.std(1) / len(a) ** 0.5, variance)
