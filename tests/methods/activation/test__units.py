import numpy as np
import pytest
import torch
from torch import nn

from pellucid.engine.sweeps.reducers import ClassMeans, Extremes, Moments, Sample
from pellucid.engine.sweeps.request import Sweep
from pellucid.methods.activation._broken import Broken
from pellucid.methods.activation._units import Units, units_of
from tests.engine.sweeps.feeding import Fed, sweep

LABELS = torch.arange(24) % 3


def looked(model: nn.Module, rows: torch.Tensor, layer: str = "every activation") -> Units:
    keep = (Moments(layer), Extremes(layer), ClassMeans(layer, 3), Sample(layer, 64), Broken(layer))
    (swept,) = sweep(model, Fed(rows, LABELS), [Sweep(keep)])
    return units_of(*(swept.at(one)[0] for one in keep), above=0.99)


def normal() -> torch.Tensor:
    return torch.randn(24, 4, generator=torch.Generator().manual_seed(0))


def test_every_unit_as_it_is_written():
    value = torch.relu(normal() - 0.5).double().numpy()
    found = looked(nn.ReLU(), normal() - 0.5)
    np.testing.assert_allclose(found.mean, value.mean(0), rtol=1e-6)
    np.testing.assert_allclose(found.std, value.std(0), rtol=1e-6)
    np.testing.assert_array_equal((found.low, found.high), (value.min(0), value.max(0)))
    np.testing.assert_array_equal(found.zeros, (value == 0).mean(0))
    assert found.mean_of_all == pytest.approx(value.mean()) and found.std_of_all == pytest.approx(value.std())
    assert found.zeros_of_all == (value == 0).mean() and len(found) == 4
    assert (found.function, found.saturated, found.broken, found.first) == ("relu", None, 0, None)


def test_dead_constant_and_saturated_exclude_each_other():
    rows = normal()
    rows[:, 0], rows[:, 1], rows[:, 2] = 40.0, 0.25, -200.0
    found = looked(nn.Sigmoid(), rows)
    assert found.saturated.tolist() == [True, False, False, False]
    assert found.constant.tolist() == [False, True, False, False]
    assert found.dead.tolist() == [False, False, True, False]


def test_who_goes_from_limit_to_limit_is_not_stuck():
    rows = 60 * (normal() > 0).float() - 30
    assert not looked(nn.Tanh(), rows).saturated.any()
    assert looked(nn.Tanh(), rows.abs()).saturated.all()


def test_what_is_not_finite_is_left_out_of_the_channel_that_has_it():
    rows = normal()
    rows[[5, 9], 2] = torch.inf
    found = looked(nn.ReLU(), rows)
    whole = torch.relu(rows[[i for i in range(24) if i not in (5, 9)]]).double()
    assert (found.broken, found.first) == (2, 5)
    assert found.high[2] == whole[:, 2].max() and found.mean[2] == pytest.approx(whole[:, 2].mean().item())
    assert np.isnan(found.selective.index[2]) and found.selective.counts.tolist() == [8, 8, 8]
    nothing = looked(nn.ReLU(), torch.full((24, 4), torch.nan))
    assert np.isnan(nothing.mean).all() and np.isnan(nothing.low).all() and nothing.alike is None
    assert not nothing.dead.any() and not nothing.constant.any()
