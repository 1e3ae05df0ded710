"""A weighted linear model of a score over what is present, with its fit and errors."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Fit:
    """A linear model.

    Args:
        slopes: one for each feature.
        intercept: the score where every feature is 0.
        errors: standard errors of the slopes, valid also where the scatter differs from row to row; NaN where there
            are not more rows than numbers to find.
        explained: share of the weighted variance that the model explains (R²); 1 where there is none to explain.
        determined: whether the rows fix every slope.
    """

    slopes: Float[Tensor, " feature"]
    intercept: float
    errors: Float[Tensor, " feature"]
    explained: float
    determined: bool


def weighted_fit(
    features: Float[Tensor, "row feature"],
    scores: Float[Tensor, " row"],
    weights: Float[Tensor, " row"],
    ridge: float = 0.0,
) -> Fit:
    """Minimise Σ w (score − intercept − features·slopes)² + ridge·|slopes|², in closed form and float64.

    Where the rows do not fix the slopes, the smallest ones that fit best are taken. The intercept is not penalised.
    """
    x, y, w = features.double(), scores.double(), weights.double()
    share = w / w.sum()
    middle, level = share @ x, share @ y
    x, y = x - middle, y - level
    moments = x.T @ (w[:, None] * x)
    inverse = torch.linalg.pinv(moments + ridge * torch.eye(x.shape[1], dtype=torch.float64), hermitian=True)
    slopes = inverse @ (x.T @ (w * y))
    left = y - x @ slopes
    total = float(w @ y.square())
    rank = int(torch.linalg.matrix_rank(moments, hermitian=True))
    free = len(y) - rank - 1
    scatter = x.T @ ((w * left).square()[:, None] * x)
    spread = (inverse @ scatter @ inverse).diagonal().clamp(min=0) * (len(y) / max(free, 1))
    errors = spread.sqrt() if free > 0 else torch.full_like(spread, float("nan"))
    noise = float(torch.finfo(torch.float64).eps) ** 2 * float(w.sum()) * float(level.square() + 1e-300)
    explained = 1.0 - float(w @ left.square()) / total if total > noise else 1.0
    return Fit(slopes, float(level - middle @ slopes), errors, explained, rank == x.shape[1])
