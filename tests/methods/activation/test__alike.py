import numpy as np
import pytest

from pellucid.methods.activation import _alike
from pellucid.methods.activation._alike import alike

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("block", [1024, 3])
def test_correlations_are_those_of_numpy(block, monkeypatch):
    monkeypatch.setattr(_alike, "_BLOCK", block)
    vectors = RNG.normal(size=(50, 8))
    vectors[:, 5] = 3 * vectors[:, 2] + 1
    vectors[:, 6] = -vectors[:, 1]
    vectors[:, 7] = vectors[:, 0] + 0.5 * RNG.normal(size=50)
    found = alike(vectors, 0.99)
    expected = np.corrcoef(vectors.T)
    np.fill_diagonal(expected, -np.inf)
    np.testing.assert_allclose(expected[np.arange(8), found.twin], expected.max(1), atol=1e-12)
    np.testing.assert_allclose(found.correlation, expected.max(1), atol=1e-12)
    assert np.flatnonzero(found.duplicate).tolist() == [5]


def test_what_hardly_moves_is_compared_with_nothing():
    vectors = np.zeros((30, 5))
    vectors[4, 0] = vectors[4, 1] = 1.0
    vectors[:, 2] = 5 + 1e-7 * RNG.normal(size=30)
    vectors[:, 3] = RNG.normal(size=30)
    found = alike(vectors, 0.9)
    assert (found.twin == -1).all() and np.isnan(found.correlation).all() and not found.duplicate.any()
    vectors[:, 4] = -vectors[:, 3]
    assert alike(vectors, 0.9).twin.tolist() == [-1, -1, -1, 4, 3]


def test_few_vectors_tell_nothing():
    assert alike(RNG.normal(size=(9, 4)), 0.9) is None
