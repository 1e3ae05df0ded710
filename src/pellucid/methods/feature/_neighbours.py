"""How well groups hold together among vectors, and what a plane keeps of who is whose neighbour."""

from dataclasses import dataclass

import numpy as np
import torch

_BLOCK, _NEAR = 512, 10


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Who lies next to whom.

    Args:
        nearest: for each vector the nearest others in rising distance, `(vector, rank)`: a fifth of all, at most ten.
        agreement: share of the vectors of a group whose nearest one is of the same group; None without two groups, and
            where every group is one vector.
        silhouette: mean over these vectors of `(b - a) / max(a, b)`, with `a` the mean distance to the own group and
            `b` that to the nearest other one, 0 in a group of one; None as before.
    """

    nearest: np.ndarray
    agreement: float | None
    silhouette: float | None


def neighbours(vectors: np.ndarray, groups: np.ndarray) -> Neighbours:
    """Neighbours by Euclidean distance.

    Args:
        vectors: `(vector, dimension)`.
        groups: `(vector,)` integers; -1 for none. Vectors of no group count for `nearest` alone.
    """
    vectors = vectors - vectors.mean(0)  # the distances are made of products, which lose digits far from zero
    known = np.flatnonzero(groups >= 0)
    names, codes = np.unique(groups[known], return_inverse=True)
    member = np.eye(len(names))[codes]
    sizes = member.sum(0)
    nearest = np.zeros((len(vectors), max(1, min(_NEAR, (len(vectors) - 1) // 5))), np.int64)
    agrees = np.zeros(len(vectors), bool)
    sums = np.zeros((len(vectors), len(names)))
    for start in range(0, len(vectors), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(vectors)))
        apart = _apart(vectors[rows], vectors)
        sums[rows] = apart[:, known] @ member
        apart[np.arange(len(rows)), rows] = np.inf
        near = np.sort(np.argpartition(apart, nearest.shape[1] - 1, 1)[:, : nearest.shape[1]], 1)
        rising = np.argsort(np.take_along_axis(apart, near, 1), 1, kind="stable")
        nearest[rows] = np.take_along_axis(near, rising, 1)
        if len(names) > 1:
            agrees[rows] = groups[known[apart[:, known].argmin(1)]] == groups[rows]
    if len(names) < 2 or sizes.max() < 2:
        return Neighbours(nearest, None, None)
    own, sums = sizes[codes], sums[known]
    within = sums[np.arange(len(known)), codes] / np.maximum(own - 1, 1)
    between = np.where(member > 0, np.inf, sums / sizes).min(1)
    wider = np.maximum(np.maximum(within, between), 1e-300)
    silhouette = np.where(own > 1, (between - within) / wider, 0.0)
    return Neighbours(nearest, float(agrees[known].mean()), float(silhouette.mean()))


def chance(groups: np.ndarray) -> float:
    """Share of all pairs that are of one group."""
    sizes = np.unique(groups[groups >= 0], return_counts=True)[1]
    return float((sizes * (sizes - 1)).sum() / max(1, sizes.sum() * (sizes.sum() - 1)))


def kept(a: Neighbours, b: Neighbours) -> float:
    """Share of the nearest neighbours in `a` that are so in `b` too."""
    return float(
        np.mean([len(set(one) & set(other)) / len(one) for one, other in zip(a.nearest, b.nearest, strict=True)])
    )


def _apart(some: np.ndarray, every: np.ndarray) -> np.ndarray:
    return torch.cdist(torch.from_numpy(some), torch.from_numpy(every)).numpy()
