"""Pairs that break neither order, against every possibility."""

from itertools import combinations, pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pellucid.ops.monotone import monotone


def best(gain: np.ndarray) -> float:
    rows, columns = gain.shape
    every = [0.0]
    for count in range(1, min(rows, columns) + 1):
        for left in combinations(range(rows), count):
            every += [
                sum(gain[i, j] for i, j in zip(left, right, strict=True))
                for right in combinations(range(columns), count)
            ]
    return max(every)


@given(st.integers(0, 200), st.integers(1, 5), st.integers(1, 5))
def test_no_other_chain_gains_more(seed, rows, columns):
    gain = np.random.default_rng(seed).normal(size=(rows, columns))
    pairs = monotone(gain)
    assert np.isclose(sum(gain[pair] for pair in pairs), best(gain))
    assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(pairs))


def test_equal_sequences_are_paired_one_to_one():
    assert monotone(np.eye(4) - 0.3) == [(0, 0), (1, 1), (2, 2), (3, 3)]


def test_nothing_gains_nothing():
    assert monotone(np.zeros((3, 0))) == [] and monotone(np.full((2, 2), -1.0)) == []
