"""Attention through layers: rollout, gradient-weighted rollout, and the capacities of its graph."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow
from torch import Tensor

Heads = Literal["mean", "max", "min"]
ONE = 2**24


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


def pipes(top: Float[np.ndarray, "token"], layers: Iterable[Float[np.ndarray, "query key"]]) -> "Pipes":
    """Capacities, in units of 2⁻²⁴, from one node through the tokens after each layer to those of the input.

    Node 0 is the source; token `k` of level `l`, counted from the top, is node `1 + l·tokens + k`.

    Args:
        top: how much each token after the last layer is read.
        layers: `Ã`, the last one first.
    """
    size = len(top)
    firsts, lasts, widths = [np.zeros(size, dtype=np.int64)], [1 + np.arange(size)], [_counted(top)]
    level = 0
    for level, layer in enumerate(layers, 1):
        query, key = np.nonzero(_counted(layer))
        firsts.append(1 + (level - 1) * size + query)
        lasts.append(1 + level * size + key)
        widths.append(_counted(layer)[query, key])
    nodes = 1 + (level + 1) * size
    graph = csr_array(
        (np.concatenate(widths), (np.concatenate(firsts), np.concatenate(lasts))), shape=(nodes, nodes), dtype=np.int32
    )
    graph.eliminate_zeros()
    return Pipes(graph, nodes - size)


@dataclass(frozen=True, eq=False)
class Pipes:
    """Capacities, and the number of the node of the first token of the input."""

    graph: csr_array
    first: int

    def to(self, token: int) -> float:
        """How much can flow from the source to one token of the input."""
        return int(maximum_flow(self.graph, 0, self.first + token, method="dinic").flow_value) / ONE


def _counted(capacity: np.ndarray) -> np.ndarray:
    return np.rint(capacity.astype(np.float64) * ONE).astype(np.int32)
