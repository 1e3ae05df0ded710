import numpy as np
import torch

from pellucid.methods.feature._samples_shown import pictures_of, spread
from tests.engine.sweeps.feeding import Fed


def test_each_is_the_farthest_from_those_before():
    positions = np.random.default_rng(0).normal(size=(30, 2))
    chosen = spread(positions, 6)
    assert len(set(chosen)) == 6
    for i in range(1, 6):
        nearest = np.linalg.norm(positions[:, None] - positions[chosen[:i]], axis=-1).min(1)
        assert chosen[i] == nearest.argmax()


def test_points_at_one_place_are_shown_once():
    assert len(spread(np.zeros((5, 2)), 3)) == 1
    assert spread(np.ones((5, 2)), 0) == [] and spread(np.zeros((0, 2)), 4) == []


def test_pictures_are_small_and_others_are_none():
    rows = torch.linspace(0, 1, 3)[:, None, None, None].expand(3, 1, 100, 50) * torch.linspace(0, 1, 50)
    found = pictures_of(Fed(rows), np.array([0, 2]), [1])
    assert list(found) == [1] and found[1].shape == (64, 32, 3)
    assert found[1].min() >= 0 and found[1].max() <= 1 and (np.diff(found[1][0, :, 0]) > 0).all()
    assert pictures_of(Fed(torch.zeros(3, 4)), np.array([0, 2]), [0, 1]) == {}
