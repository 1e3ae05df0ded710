import sys

import numpy as np
import pytest

from pellucid.core.errors import NotApplicable
from pellucid.methods.feature import _plane
from pellucid.methods.feature._plane import by_neighbours, by_variance, principal

RNG = np.random.default_rng(0)
WIDE, TALL = RNG.normal(size=(12, 30)), RNG.normal(size=(40, 6)) * np.arange(1, 7)


@pytest.mark.parametrize("vectors", [WIDE, TALL], ids=["more directions than vectors", "more vectors"])
def test_principal_components_are_those_of_scikit_learn(vectors):
    from sklearn.decomposition import PCA

    peer = PCA(4, svd_solver="full").fit(vectors)
    scores, shares = principal(vectors, 4)
    np.testing.assert_allclose(np.abs(scores), np.abs(peer.transform(vectors)), atol=1e-9)
    np.testing.assert_allclose(shares, peer.explained_variance_ratio_, atol=1e-12)


@pytest.mark.parametrize("vectors", [WIDE, TALL])
def test_all_shares_add_up_and_all_scores_keep_distances(vectors):
    scores, shares = principal(vectors, 99)
    assert shares.sum() == pytest.approx(1, abs=1e-12) and (np.diff(shares) <= 0).all()
    apart = np.linalg.norm(vectors[:, None] - vectors, axis=-1)
    np.testing.assert_allclose(np.linalg.norm(scores[:, None] - scores, axis=-1), apart, atol=1e-9)


@pytest.mark.parametrize("vectors", [WIDE, TALL])
def test_the_order_of_the_vectors_changes_nothing(vectors):
    order = RNG.permutation(len(vectors))
    np.testing.assert_allclose(by_variance(vectors[order]).positions, by_variance(vectors).positions[order], atol=1e-9)


def test_a_line_lies_on_the_first_axis():
    plane = by_variance(np.arange(5.0)[:, None] * [[3, -4, 0]])
    np.testing.assert_allclose(plane.positions[:, 0], [10, 5, 0, -5, -10], atol=1e-9)
    np.testing.assert_allclose(plane.positions[:, 1], 0, atol=1e-9)
    assert by_variance(np.arange(4.0)[:, None]).positions.shape == (4, 2)


def test_planted_clusters_are_recovered_and_the_seed_gives_the_same_bytes():
    centres = np.eye(3)[:, None] * 20
    vectors = (RNG.normal(size=(3, 25, 3)) + centres).reshape(75, 3)
    code = np.arange(75) // 25
    plane = by_neighbours(vectors, 30, 0)
    assert plane.perplexity == pytest.approx(74 / 3)
    apart = np.linalg.norm(plane.positions[:, None] - plane.positions, axis=-1)
    assert apart[code[:, None] == code].max() < apart[code[:, None] != code].min()
    assert plane.positions.tobytes() == by_neighbours(vectors, 30, 0).positions.tobytes()


def test_without_scikit_learn_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setattr(_plane, "find_spec", lambda _: None)
    with pytest.raises(NotApplicable, match=r"pip install 'pellucid\[sweep\]'"):
        by_neighbours(TALL, 5, 0)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert by_variance(TALL).positions.shape == (40, 2)
