"""How alike maps are."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

_POOLS: dict[int, Callable[..., Tensor]] = {
    1: functional.adaptive_avg_pool1d,
    2: functional.adaptive_avg_pool2d,
    3: functional.adaptive_avg_pool3d,
}


def shares(maps: Float[Tensor, "batch *grid"], cells: int) -> Float[Tensor, "batch *cells"]:
    """Averages over at most `cells` cells along the longest axis, over the sum of their absolute values."""
    grid = tuple(maps.shape[1:])
    longest = max(grid)
    goal = tuple(max(1, round(side * min(cells, longest) / longest)) for side in grid)
    coarse = _POOLS[len(grid)](maps.double()[:, None], goal)[:, 0]
    total = coarse.abs().flatten(1).sum(1).reshape(-1, *[1] * len(grid))
    return torch.where(total > 0, coarse / total.clamp(min=1e-300), 0.0)


def rank_correlation(maps: Float[np.ndarray, "map cell"]) -> Float[np.ndarray, "map map"]:
    """Spearman's: the correlation of ranks, equal values sharing their mean rank; 0 with a map that is constant."""
    from scipy.stats import rankdata

    ranks = rankdata(maps, axis=1)
    centred = ranks - ranks.mean(1, keepdims=True)
    length = np.linalg.norm(centred, axis=1)
    scale = np.where(length > 0, length, 1.0)
    unit = centred / scale[:, None]
    return np.clip(unit @ unit.T, -1.0, 1.0)


def overlap(one: Float[np.ndarray, "*cells"], two: Float[np.ndarray, "*cells"]) -> float:
    """What the positive parts of two maps have in common, each taken to sum to 1: 0 to 1; 0 if one has none."""
    first, second = np.maximum(one, 0), np.maximum(two, 0)
    if not first.any() or not second.any():
        return 0.0
    return float(np.minimum(first / first.sum(), second / second.sum()).sum())
