"""Which members of two sequences belong together, where neither order is broken."""

import numpy as np
from jaxtyping import Float


def monotone(gain: Float[np.ndarray, "one two"]) -> list[tuple[int, int]]:
    """The pairs `(i, j)`, rising in both, that have the largest sum of gains; members may stay alone.

    By dynamic programming (Needleman & Wunsch 1970) without a price for gaps. Pairs that gain nothing are not made; of
    equal sums the one that pairs earlier members.
    """
    rows, columns = gain.shape
    best = np.zeros((rows + 1, columns + 1))
    for i in range(rows - 1, -1, -1):
        together = np.where(gain[i] > 0, gain[i] + best[i + 1, 1:], -np.inf)
        for j in range(columns - 1, -1, -1):
            best[i, j] = max(together[j], best[i + 1, j], best[i, j + 1])
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < rows and j < columns:
        if gain[i, j] > 0 and best[i, j] == gain[i, j] + best[i + 1, j + 1]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i, j] == best[i + 1, j]:
            i += 1
        else:
            j += 1
    return pairs
