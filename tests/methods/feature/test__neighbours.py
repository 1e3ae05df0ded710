import numpy as np
import pytest

from pellucid.methods.feature import _neighbours
from pellucid.methods.feature._neighbours import chance, kept, neighbours

RNG = np.random.default_rng(0)
VECTORS, GROUPS = RNG.normal(size=(40, 5)), RNG.integers(-1, 4, 40)


@pytest.mark.parametrize("block", [512, 7])
def test_everything_as_it_is_written(block, monkeypatch):
    from sklearn.metrics import silhouette_score

    monkeypatch.setattr(_neighbours, "_BLOCK", block)
    found = neighbours(VECTORS, GROUPS)
    agrees = []
    for i in range(40):
        apart = [(np.linalg.norm(VECTORS[i] - VECTORS[j]), j) for j in range(40) if j != i]
        assert found.nearest[i].tolist() == [j for _, j in sorted(apart)[:7]]
        if GROUPS[i] >= 0:
            _, nearest = min(pair for pair in apart if GROUPS[pair[1]] >= 0)
            agrees.append(GROUPS[nearest] == GROUPS[i])
    assert found.agreement == pytest.approx(np.mean(agrees), abs=1e-12)
    known = GROUPS >= 0
    assert found.silhouette == pytest.approx(silhouette_score(VECTORS[known], GROUPS[known]), abs=1e-9)


def test_a_group_of_one_has_silhouette_zero():
    found = neighbours(np.array([[0.0], [1.0], [10.0]]), np.array([0, 0, 1]))
    assert found.silhouette == pytest.approx((0.9 + 8 / 9) / 3) and found.agreement == pytest.approx(2 / 3)


def test_one_group_agrees_with_nothing():
    found = neighbours(VECTORS, np.zeros(40, int))
    assert found.agreement is None and found.silhouette is None
    assert neighbours(VECTORS, np.full(40, -1)).agreement is None
    assert neighbours(VECTORS, np.arange(40)).agreement is None


def test_what_chance_gives_and_what_is_kept():
    assert chance(np.array([0, 0, 1, -1])) == pytest.approx(1 / 3)
    same = neighbours(VECTORS, GROUPS)
    assert kept(same, neighbours(VECTORS * 3 + 1, GROUPS)) == 1
    assert 0 < kept(same, neighbours(VECTORS[:, :1], GROUPS)) < 1


@pytest.mark.parametrize(("count", "near"), [(3, 1), (8, 1), (11, 2), (80, 10)])
def test_few_vectors_have_few_neighbours_so_that_not_all_are_kept_whatever_the_plane(count, near):
    assert neighbours(RNG.normal(size=(count, 2)), np.zeros(count, int)).nearest.shape == (count, near)
