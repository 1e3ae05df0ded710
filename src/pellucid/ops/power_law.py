"""Power laws fitted to tails, as far as they hold."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

FEWEST, TAIL, STARTS = 50, 10, 256
CRITICAL = 1.094  # of the modified distance, 5 %: Stephens 1974, exponential with unknown scale


@dataclass(frozen=True)
class PowerLaw:
    """A density that falls as x^-exponent from `low` on.

    Args:
        exponent: of the density.
        low, high: range of the fit.
        count: how many values lie in it.
        distance: largest difference between the two distribution functions (Kolmogorov & Smirnov).
    """

    exponent: float
    low: float
    high: float
    count: int
    distance: float

    @property
    def holds(self) -> bool:
        """Whether so many independent values of such a law lie as far from it or farther in one of twenty cases.

        The logarithm of a power law is exponential, so that this is the test for that with a fitted scale.
        """
        root = math.sqrt(self.count)
        return (self.distance - 0.2 / self.count) * (root + 0.26 + 0.5 / root) <= CRITICAL


def power_law(values: Float[Tensor, "value"]) -> PowerLaw | None:
    """Fit the tail of positive values: the start with the smallest distance, the exponent of largest likelihood.

    Args:
        values: in any order; zeros are left out.
    Returns:
        None with fewer than `FEWEST` positive values, or where all are alike. A fit keeps at least `TAIL` of them.
    Source:
        Clauset, Shalizi & Newman 2009, arXiv:0706.1062, sections 3.1 and 3.3.
    """
    ordered = values[values > 0].double().sort(descending=True).values
    if len(ordered) < FEWEST or not bool(torch.isfinite(ordered).all()):
        return None
    logs = ordered.log()
    starts = torch.arange(TAIL, len(ordered) + 1)
    if len(starts) > STARTS:
        starts = torch.linspace(TAIL, len(ordered), STARTS).round().long().unique()
    best: PowerLaw | None = None
    for count in starts.tolist():
        above = (logs[:count] - logs[count - 1]).flip(0)
        total = float(above.sum())
        if total <= 0:
            continue
        exponent = 1 + count / total
        model = 1 - (-(exponent - 1) * above).exp()
        rank = torch.arange(count, dtype=torch.float64)
        distance = float(torch.maximum(model - rank / count, (rank + 1) / count - model).max())
        if best is None or distance < best.distance:
            best = PowerLaw(exponent, float(ordered[count - 1]), float(ordered[0]), count, distance)
    return best
