"""HiResCAM: the formula on every layout, and the sum that it keeps."""

import numpy as np
import pytest

import pellucid as pl
from tests.methods.activation.cams import TARGET, layer_of, on_every_layout, pooled, restated
from tests.networks import NETWORKS, known


@on_every_layout
def test_the_formula(name: str) -> None:
    expected = restated(name, lambda a, g: sum(g[k] * a[k] for k in range(len(a))))
    network = NETWORKS[name]
    values = pl.hires_cam(layer=layer_of(name), relu=False)(network.build(), network.x(2), target=TARGET).values
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("seed", range(5))
def test_behind_it_a_linear_head_the_cells_sum_to_the_logit_less_its_bias(seed: int) -> None:
    model, x = known.pooled_head(seed), pooled(seed)
    values = pl.hires_cam(layer="3", relu=False)(model, x, target=[2, 0]).values
    logit = model(x).detach()[[0, 1], [2, 0]] - model[6].bias.detach()[[2, 0]]
    np.testing.assert_allclose(values.sum((1, 2)), logit, rtol=1e-12)


def test_it_is_grad_cam_times_the_cells_where_the_gradient_is_even() -> None:
    model, x = known.pooled_head(), pooled()
    one, other = (view(layer="3", relu=False)(model, x, target=1).values for view in (pl.hires_cam, pl.grad_cam))
    np.testing.assert_allclose(one, other, rtol=1e-12)


def test_each_class_shows_its_own_object_and_a_contrast_is_the_difference() -> None:
    scene = known.two_objects()
    maps = [pl.hires_cam(layer="1", relu=False)(scene.model, scene.x, target=k).values[0] for k in (0, 1)]
    assert not (maps[0] * maps[1]).any()
    contrast = pl.hires_cam(layer="1", relu=False)(scene.model, scene.x, target=pl.contrast(0, 1)).values[0]
    np.testing.assert_allclose(contrast, maps[0] - maps[1], rtol=1e-6)
