"""Attention through layers: rollout, and rollout weighed by a gradient."""

from collections.abc import Iterable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

Heads = Literal["mean", "max", "min"]


def with_residual(
    weights: Float[Tensor, "batch head query key"], heads: Heads = "mean", discard: float = 0.0, kept: int = 0
) -> Float[Tensor, "batch query key"]:
    """Heads made one, the token itself added, rows brought to sum 1; a row without attention stays the token itself.

    Args:
        weights: probabilities of one attention.
        heads: how they are made one.
        discard: share of the keys, the weakest of each row, whose weights count as 0.
        kept: so many first keys (the class token) are never discarded.
    """
    joined = {"mean": weights.mean, "max": weights.amax, "min": weights.amin}[heads](1)
    size = joined.shape[-1]
    weakest = int(discard * size)
    if weakest:
        ranked = joined.clone()
        ranked[..., :kept] = float("inf")
        order = ranked.argsort(dim=-1, stable=True)[..., :weakest]
        order = order[..., : size - kept]
        joined = joined.scatter(-1, order, 0.0)
    mixed = joined + torch.eye(size, dtype=joined.dtype, device=joined.device)
    return mixed / mixed.sum(-1, keepdim=True)


def rolled(
    rows: Float[Tensor, "batch row token"], layers: Iterable[Float[Tensor, "batch query key"]]
) -> Float[Tensor, "batch row token"]:
    """`rows · Ã_L · … · Ã_1`.

    Args:
        layers: the last one first.
    """
    for layer in layers:
        rows = rows @ layer
    return rows


def weighted(
    weights: Float[Tensor, "batch head query key"], gradient: Float[Tensor, "batch head query key"]
) -> Float[Tensor, "batch query key"]:
    """`Ā`: what attention and its gradient agree to raise, the mean over heads."""
    return (weights * gradient).relu().mean(1)


def gathered(
    rows: Float[Tensor, "batch row token"], layers: Iterable[Float[Tensor, "batch query key"]]
) -> Float[Tensor, "batch row token"]:
    """`rows · ((I + Ā_L) · … · (I + Ā_1) - I)`, which is `R - I` of `R ← R + Ā R` in these rows.

    Args:
        layers: the last one first.
    """
    brought = torch.zeros_like(rows)
    for layer in layers:
        brought = brought + (rows + brought) @ layer
    return brought
