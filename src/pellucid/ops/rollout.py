"""Attention through layers: rollout, and rollout weighed by a gradient."""

from collections.abc import Iterable, Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

Heads = Literal["mean", "max", "min"]
Step = tuple[Tensor, int, int]


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


def interwoven(
    sizes: tuple[int, int], rounds: Iterable[Sequence[Step]], like: Float[Tensor, "batch ..."]
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """What attention brings within and between two sequences: `[a][b]` is `R^ab`, to tokens of `a` from those of `b`.

    It begins with `R^aa = I` and `R^ab = 0`. Self-attention over `a` adds `Ā R^aa` and `Ā R^ab`; attention of `a` to
    `b` adds `(R̄^aa)ᵀ Ā R̄^bb` to `R^ab` and `Ā R^ba` to `R^aa`, where `R̄` is `R - I` with rows brought to sum 1, plus
    `I`.

    Args:
        sizes: how many tokens either has.
        rounds: the first one first; of several steps in one, each sees what was before all of them.
        like: whose batch, precision and device are taken.
    """
    held = [[like.new_zeros(like.shape[0], one, other) for other in sizes] for one in sizes]
    for i in (0, 1):
        held[i][i] = held[i][i] + torch.eye(sizes[i]).to(like)
    for steps in rounds:
        before = [list(row) for row in held]
        for raising, asks, asked in steps:
            if asks == asked:
                added = [raising @ one for one in before[asks]]
            else:
                between = _shared(before[asks][asks]).mT @ raising @ _shared(before[asked][asked])
                added = [between, between]
                added[asks] = raising @ before[asked][asks]
            held[asks] = [one + more for one, more in zip(held[asks], added, strict=True)]
    return (held[0][0], held[0][1]), (held[1][0], held[1][1])


def _shared(own: Float[Tensor, "batch token token"]) -> Float[Tensor, "batch token token"]:
    """`R̄`: what tokens hold of others, brought to sum 1, and each itself."""
    eye = torch.eye(own.shape[-1], dtype=own.dtype, device=own.device)
    gained = own - eye
    total = gained.sum(-1, keepdim=True)
    return gained / torch.where(total > 0, total, torch.ones_like(total)) + eye
