"""How alike two sets of features of the same samples are: linear centred kernel alignment."""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float

SLAB = 128
FEWEST = 4
_NOTHING = 1e-12


def alignment(
    one: Float[np.ndarray, "sample feature"], two: Float[np.ndarray, "sample other"], *, unbiased: bool = False
) -> float:
    """Linear CKA of two sets of features, as `alignments` has it."""
    return float(alignments([one], [two], unbiased=unbiased)[0, 0])


def alignments(
    ones: Sequence[Float[np.ndarray, "sample feature"]],
    twos: Sequence[Float[np.ndarray, "sample feature"]],
    *,
    unbiased: bool = False,
) -> Float[np.ndarray, "one two"]:
    """Linear CKA of every set of `ones` with every set of `twos`.

    It is ⟨K, L⟩ / √(⟨K, K⟩⟨L, L⟩) of their centred Gram matrices.

    1 for the same features up to rotation, isotropic scale and shift; 0 for centred features that are orthogonal. NaN
    where features do not vary.

    Args:
        ones, twos: each of the same samples in the same order.
        unbiased: by the unbiased estimate of the Hilbert-Schmidt criterion (Song et al. 2012), which is 0 on average
            for features that have nothing to do with each other, however few samples there are; it may be below 0.
    Raises:
        ValueError: fewer than four samples for the unbiased estimate, or sets of different samples.
    Source:  Kornblith et al. 2019, arXiv:1905.00414; Nguyen et al. 2021, arXiv:2010.15327, section 3.
    """
    sizes = {len(one) for one in (*ones, *twos)}
    if len(sizes) != 1 or (unbiased and min(sizes) < FEWEST):
        raise ValueError(f"sets of {sorted(sizes)} samples cannot be aligned")
    first = [_centred(one) for one in ones]
    second = [_centred(one) for one in twos]
    return _of_grams(first, second, unbiased=unbiased)


def _of_grams(first: list[np.ndarray], second: list[np.ndarray], *, unbiased: bool) -> np.ndarray:
    count = len(first[0]) if first else 0
    sums = _sums(first, unbiased=unbiased), _sums(second, unbiased=unbiased)
    cross = np.zeros((len(first), len(second)))
    own = np.zeros(len(first)), np.zeros(len(second))
    for a, b in zip(_slabs(first, unbiased=unbiased), _slabs(second, unbiased=unbiased), strict=True):
        cross += a @ b.T
        own[0][:] += (a**2).sum(1)
        own[1][:] += (b**2).sum(1)
    if unbiased:
        cross += _lack(sums[0], sums[1], count)
        own[0][:] += _lack_of_one(sums[0], count)
        own[1][:] += _lack_of_one(sums[1], count)
    length = np.sqrt(np.outer(np.maximum(own[0], 0), np.maximum(own[1], 0)))
    found = np.divide(cross, length, out=np.full_like(cross, np.nan), where=length > _NOTHING)
    return np.clip(found, -1.0, 1.0)


def _centred(features: np.ndarray) -> np.ndarray:
    """Of mean 0 and length 1 as a whole, in double precision; zeros where nothing varies beyond rounding."""
    exact = features.astype(np.float64)
    centred = exact - exact.mean(0)
    length, whole = np.linalg.norm(centred), np.linalg.norm(exact)
    return centred / length if length > 1e-7 * whole else np.zeros_like(centred)


def _slabs(features: list[np.ndarray], *, unbiased: bool) -> Iterator[np.ndarray]:
    """Rows of all Gram matrices at once, `(set, rows · sample)`; without their diagonal for the unbiased estimate."""
    count = len(features[0]) if features else 0
    for start in range(0, count, SLAB):
        stop = min(start + SLAB, count)
        made = np.stack([one[start:stop] @ one.T for one in features])
        if unbiased:
            made[:, np.arange(stop - start), np.arange(start, stop)] = 0.0
        yield made.reshape(len(features), -1)


def _sums(features: list[np.ndarray], *, unbiased: bool) -> np.ndarray:
    """Sums of the rows of each Gram matrix, `(set, sample)`; centred features leave only the diagonal."""
    return np.stack([-(one**2).sum(1) for one in features]) if unbiased and features else np.zeros((len(features), 0))


def _lack(a: np.ndarray, b: np.ndarray, count: int) -> np.ndarray:
    """What the estimate takes into account of the rows' sums besides the product of the matrices."""
    return np.outer(a.sum(1), b.sum(1)) / ((count - 1) * (count - 2)) - 2 * (a @ b.T) / (count - 2)


def _lack_of_one(a: np.ndarray, count: int) -> np.ndarray:
    return a.sum(1) ** 2 / ((count - 1) * (count - 2)) - 2 * (a**2).sum(1) / (count - 2)
