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
        alone: share that the input explains by itself; at most `total`, but for the errors of both estimates.
        error: standard error of `total`, had the masks been drawn independently.
        sum_error: that of the sum of `total`.
        variance: of the function, over all points.
    """

    total: Tensor
    alone: Tensor
    error: Tensor
    sum_error: float
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
    Source:   `total` Jansen 1999, doi:10.1016/S0010-4655(98)00154-4; `alone` Saltelli et al. 2010, table 2 b,
        doi:10.1016/j.cpc.2009.09.018, which of an input without influence is 0 exactly.
    """
    rows = scores.double()
    a, b, mixed = rows[0], rows[1], rows[2:]
    if rows.numel() < 2 or float(rows.std()) <= _FLAT * float(rows.abs().max()):
        nothing = torch.full((len(mixed),), torch.nan, dtype=torch.float64, device=scores.device)
        return Indices(nothing, nothing, nothing, torch.nan, 0.0)
    variance, count = float(rows.var()), len(a)
    halves = (a - mixed).square() / (2 * variance)
    alone = ((b - rows.mean()) * (mixed - a)).mean(1) / variance
    error = halves.std(1) / count**0.5
    return Indices(halves.mean(1), alone, error, float(halves.sum(0).std()) / count**0.5, variance)
