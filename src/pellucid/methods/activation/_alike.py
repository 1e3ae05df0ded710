"""Which channels rise and fall together."""

from dataclasses import dataclass

import numpy as np

FEWEST = 10
_BLOCK, _TOO_LITTLE = 1024, 1e-5


@dataclass(frozen=True, eq=False)
class Alike:
    """For each channel the other one that is most like it.

    Args:
        twin: `(channel,)`, -1 where there is none to compare with.
        correlation: with it, NaN where there is none.
        duplicate: whether a channel before it is as like it as was asked.
    """

    twin: np.ndarray
    correlation: np.ndarray
    duplicate: np.ndarray


def alike(vectors: np.ndarray, above: float) -> Alike | None:
    """Pearson's correlation of all pairs of channels that move in at least ten vectors; None with fewer vectors.

    Two channels that move in one vector alone are correlated whatever they are.

    Args:
        vectors: `(vector, channel)`, finite, double precision.
        above: what a duplicate has at least.
    """
    size, channels = vectors.shape
    if size < FEWEST:
        return None
    moves = np.abs(vectors - np.median(vectors, 0)) > _TOO_LITTLE * np.abs(vectors).max(0)
    compared = np.flatnonzero(moves.sum(0) >= FEWEST)
    centred = vectors[:, compared] - vectors[:, compared].mean(0)
    centred /= np.linalg.norm(centred, axis=0)
    found = Alike(np.full(channels, -1), np.full(channels, np.nan), np.zeros(channels, bool))
    for start in range(0, len(compared) if len(compared) > 1 else 0, _BLOCK):
        block = compared[start : start + _BLOCK]
        together = centred[:, start : start + _BLOCK].T @ centred
        together[np.arange(len(block)), start + np.arange(len(block))] = -np.inf
        best = together.argmax(1)
        found.twin[block] = compared[best]
        found.correlation[block] = together[np.arange(len(block)), best].clip(-1, 1)
        found.duplicate[block] = (np.tril(together >= above, start - 1)).any(1)
    return found
