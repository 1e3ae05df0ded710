"""XGrad-CAM: the formula on every layout, the sum that it keeps, and channels that cancel."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

import pellucid as pl
from tests.methods.activation.cams import TARGET, layer_of, on_every_layout, pooled, restated
from tests.networks import NETWORKS, known


def one_map(a: NDArray[np.float64], g: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.zeros(a.shape[1:])
    for k in range(len(a)):
        weight = sum(x * y for x, y in zip(a[k].flat, g[k].flat, strict=True)) / a[k].sum() if a[k].any() else 0.0
        total += weight * a[k]
    return total


@on_every_layout
def test_the_formula(name: str) -> None:
    expected, network = restated(name, one_map), NETWORKS[name]
    values = pl.xgrad_cam(layer=layer_of(name), relu=False)(network.build(), network.x(2), target=TARGET).values
    np.testing.assert_allclose(values, expected, rtol=2e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("seed", range(5))
def test_before_a_pooled_linear_head_it_is_hires_cam(seed: int) -> None:
    model, x = known.pooled_head(seed), pooled(seed)
    one, other = (v(layer="3", relu=False)(model, x, target=[2, 0]).values for v in (pl.xgrad_cam, pl.hires_cam))
    np.testing.assert_allclose(one, other, rtol=1e-11, atol=2e-15)


def test_it_has_the_sum_of_hires_cam_anywhere() -> None:
    model, x = known.pooled_head(), pooled()
    one, other = (v(layer="1", relu=False)(model, x, target=[2, 0]).values for v in (pl.xgrad_cam, pl.hires_cam))
    np.testing.assert_allclose(one.sum((1, 2)), other.sum((1, 2)), rtol=1e-12)
    assert not np.allclose(one, other, rtol=0.1)


def test_a_channel_whose_cells_cancel_is_told_and_a_dead_one_weighs_nothing() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.Flatten(), nn.Linear(18, 2, bias=False)).eval()
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([1.0, 0.0])[:, None, None, None])
    x = torch.tensor([4.0, -4.0, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 1e-4]).reshape(1, 1, 3, 3)
    shaky = pl.xgrad_cam(layer="0", relu=False)(model, x, target=0)
    assert "1 of 1 examples channels whose cells cancel" in shaky.notes[0].en and "相消" in shaky.notes[0].zh
    steady = pl.xgrad_cam(layer="0", relu=False)(model, x.abs(), target=0)
    assert not steady.notes and np.isfinite(steady.values).all() and steady.values.any()
