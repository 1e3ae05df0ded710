"""What a head of attention does, in numbers, and how far heads are from one another."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class Habits:
    """Means over queries that look at something, one number per head, `(head,)`.

    Args:
        entropy: of the attention of a query, nats.
        spread: entropy as a share of the largest that its allowed keys admit, 0..1; 0 where there is only one key.
        distance: mean |query − key| in tokens; NaN between sequences of different length.
        own, before, after: attention to the query's own token, the one before, the one behind; NaN likewise.
        first: attention of all but the first query to the first key.
        marked: attention to marked keys (separators).
    """

    entropy: Float[Tensor, "head"]
    spread: Float[Tensor, "head"]
    distance: Float[Tensor, "head"]
    own: Float[Tensor, "head"]
    before: Float[Tensor, "head"]
    after: Float[Tensor, "head"]
    first: Float[Tensor, "head"]
    marked: Float[Tensor, "head"]


def habits(
    weights: Float[Tensor, "row head query key"],
    counted: Tensor | None = None,
    marked: Tensor | None = None,
    *,
    aligned: bool = True,
) -> Habits:
    """Describe each head.

    Args:
        weights: probabilities; a query whose row is all 0 does not count.
        counted: `(row, query)`, which queries count (those that are no padding).
        marked: `(row, key)`, keys whose share is wanted; None: none.
        aligned: whether query i and key i are the same token.
    """
    row, _, queries, keys = weights.shape
    looking = (weights > 0).any(-1) & (
        torch.ones(row, 1, queries, dtype=torch.bool) if counted is None else counted[:, None].bool()
    ).to(weights.device)
    entropy = -torch.special.xlogy(weights, weights).sum(-1)
    most = (weights > 0).sum(-1).clamp(min=1).log()
    spread = torch.where(most > 0, entropy / most.clamp(min=1e-30), torch.zeros_like(entropy)).clamp(max=1)
    place = torch.arange(max(queries, keys), device=weights.device)
    nowhere = weights.new_full(weights.shape[:3], float("nan"))

    def step(by: int) -> Tensor:
        """Attention of query i to key i + by, NaN where there is none."""
        found = nowhere.clone()
        low, high = max(0, -by), min(queries, keys - by)
        found[..., low:high] = weights.diagonal(by, -2, -1)[..., : high - low]
        return found

    same = aligned and queries == keys
    far = (weights * (place[:queries, None] - place[:keys]).abs()).sum(-1) if same else nowhere
    first = weights[..., 0].clone()
    first[..., 0] = float("nan") if same else first[..., 0]
    on = torch.zeros_like(entropy) if marked is None else (weights * marked[:, None, None].to(weights)).sum(-1)

    def mean(value: Tensor) -> Tensor:
        return torch.where(looking, value, nowhere).transpose(0, 1).flatten(1).nanmean(1)

    steps = [step(by) if same else nowhere for by in (0, -1, 1)]
    return Habits(*map(mean, (entropy, spread, far, *steps, first, on)))


def divergences(weights: Float[Tensor, "head query key"]) -> Float[Tensor, "head head"]:
    """Jensen–Shannon divergence between any two heads, nats, mean over queries; 0 to log 2."""
    double = weights.double()
    own = -torch.special.xlogy(double, double).sum(-1)
    found = double.new_zeros(len(double), len(double))
    for i in range(len(double)):
        between = (double[i] + double[i:]) / 2
        mixed = -torch.special.xlogy(between, between).sum(-1)
        found[i, i:] = (mixed - (own[i] + own[i:]) / 2).mean(-1).clamp(min=0)
    return found + found.triu(1).T


def plane(squared: Float[Tensor, "point point"]) -> tuple[Float[Tensor, "point 2"], float]:
    """Classical multidimensional scaling of squared distances into the plane, and the share of variance it shows.

    Source: Torgerson 1952, Psychometrika 17.
    """
    count = len(squared)
    centring = torch.eye(count, dtype=torch.float64) - 1 / count
    values, vectors = torch.linalg.eigh(-centring @ squared.double().cpu() @ centring / 2)
    values, vectors = values.flip(0).clamp(min=0), vectors.flip(1)
    found = torch.zeros(count, 2, dtype=torch.float64)
    shown = min(2, count)
    found[:, :shown] = vectors[:, :shown] * values[:shown].sqrt()
    largest = found.gather(0, found.abs().argmax(0, keepdim=True))
    found = found * torch.where(largest < 0, -1.0, 1.0)
    total = float(values.sum())
    return found, float(values[:shown].sum()) / total if total > 0 else 1.0
