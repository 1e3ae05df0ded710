"""Linear CKA: its identities, and the estimate as it is written in the paper."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.ops.alignment import alignment, alignments


def features(seed: int, count: int = 20, width: int = 6) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, width)) + 3.0


@given(st.integers(0, 50), st.booleans())
def test_features_are_like_themselves_turned_scaled_and_shifted(seed, unbiased):
    x = features(seed)
    turn, _ = np.linalg.qr(np.random.default_rng(seed + 1).normal(size=(6, 6)))
    assert alignment(x, x, unbiased=unbiased) == pytest.approx(1, abs=1e-12)
    assert alignment(x, 7.5 * x @ turn - 2, unbiased=unbiased) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("unbiased", [False, True])
def test_it_is_symmetric(unbiased):
    one, two = [features(0), features(1, width=4)], [features(2), features(3, width=9), features(4)]
    assert np.allclose(alignments(one, two, unbiased=unbiased), alignments(two, one, unbiased=unbiased).T, atol=1e-14)


def test_orthogonal_centred_features_have_nothing_in_common():
    basis, _ = np.linalg.qr(np.c_[np.ones(12), np.random.default_rng(0).normal(size=(12, 7))])
    assert abs(alignment(basis[:, 1:4], basis[:, 4:])) < 1e-12


def test_a_linear_map_that_is_no_turn_changes_it():
    x = features(0)
    assert alignment(x, x * np.array([10, 1, 1, 1, 1, 1])) < 0.9


def naive(x: np.ndarray, y: np.ndarray) -> float:
    """Song et al. 2012, equation 5, as it is written."""

    def criterion(k: np.ndarray, m: np.ndarray) -> float:
        n, ones = len(k), np.ones(len(k))
        k, m = k * (1 - np.eye(n)), m * (1 - np.eye(n))
        whole = np.trace(k @ m) + (ones @ k @ ones) * (ones @ m @ ones) / ((n - 1) * (n - 2))
        return (whole - 2 / (n - 2) * (ones @ k @ m @ ones)) / (n * (n - 3))

    k, m = x @ x.T, y @ y.T
    return criterion(k, m) / np.sqrt(criterion(k, k) * criterion(m, m))


@given(st.integers(0, 30), st.integers(4, 300))
def test_the_unbiased_estimate_is_that_of_the_paper(seed, count):
    x, y = features(seed, count), features(seed + 100, count, 3)
    y[:, 0] += x[:, 0]
    assert alignment(x, y, unbiased=True) == pytest.approx(naive(x, y), abs=1e-8)


def test_unrelated_features_have_none_on_average_however_many_they_are():
    found = [alignment(features(2 * i, 10, 200), features(2 * i + 1, 10, 200), unbiased=True) for i in range(200)]
    plain = [alignment(features(2 * i, 10, 200), features(2 * i + 1, 10, 200)) for i in range(20)]
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(200)
    assert np.mean(plain) > 0.8


def test_what_does_not_vary_has_no_likeness():
    assert np.isnan(alignment(np.full((8, 3), 0.1), features(0, 8)))


def test_sets_of_other_samples_are_refused():
    with pytest.raises(ValueError, match="cannot be aligned"):
        alignment(features(0, 5), features(0, 6))
    with pytest.raises(ValueError, match="cannot be aligned"):
        alignment(features(0, 3), features(0, 3), unbiased=True)
