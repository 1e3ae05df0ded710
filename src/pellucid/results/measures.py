"""How a map is spread: plain measures that the descriptions are made of."""

import numpy as np


def half_share(weights: np.ndarray) -> float:
    """The smallest share of the elements that holds half of the sum of the non-negative `weights`; NaN without any."""
    flat = np.sort(np.where(np.isfinite(weights), weights, 0.0).ravel().astype(np.float64))[::-1]
    total = flat.sum()
    if total <= 0:
        return float("nan")
    needed = int(np.searchsorted(np.cumsum(flat), total / 2 * (1 - 1e-9))) + 1
    return min(needed, flat.size) / flat.size


def half_mask(weights: np.ndarray) -> np.ndarray:
    """The elements that together hold half of the sum, largest first."""
    clean = np.where(np.isfinite(weights), weights, 0.0).astype(np.float64)
    order = np.argsort(-clean, axis=None, kind="stable")
    needed = max(1, round(half_share(clean) * clean.size))
    mask = np.zeros(clean.size, bool)
    mask[order[:needed]] = True
    return mask.reshape(clean.shape)


def ninths(weights: np.ndarray) -> np.ndarray:
    """Share of the sum of `(height, width)` weights in each ninth of the picture, row by row; sums to 1."""
    clean = np.where(np.isfinite(weights), weights, 0.0).astype(np.float64)
    rows, columns = (np.minimum(np.arange(size) * 3 // size, 2) for size in clean.shape)
    shares = np.zeros((3, 3))
    np.add.at(shares, (rows[:, None], columns[None, :]), clean)
    return (shares / max(shares.sum(), np.finfo(np.float64).tiny)).ravel()


def is_flat(values: np.ndarray) -> bool:
    """Whether all finite values are the same but for rounding."""
    finite = values[np.isfinite(values)]
    return finite.size > 0 and float(np.ptp(finite)) <= 1e-6 * float(np.abs(finite).max())


def longest_path(pairs: np.ndarray, nodes: int) -> int:
    """Number of nodes on the longest path of a graph whose edges go from lower to higher index."""
    depth = [1] * nodes
    for source, sink in sorted(map(tuple, pairs.tolist())):
        if source < sink:
            depth[sink] = max(depth[sink], depth[source] + 1)
    return max(depth, default=0)
