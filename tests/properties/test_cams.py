"""Grad-CAM where its map is known, and what must not change it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from tests.networks import known

few = settings(max_examples=10, deadline=None, derandomize=True)
seeds = st.integers(0, 999)


def image(seed: int, height: int = 12, width: int = 9) -> torch.Tensor:
    return torch.randn(2, 3, height, width, generator=known.generator(seed), dtype=torch.float64)


@few
@given(seed=seeds, height=st.integers(7, 14), width=st.integers(7, 14))
def test_pooled_linear_head_gives_the_class_activation_map(seed: int, height: int, width: int) -> None:
    model, x = known.pooled_head(seed), image(seed, height, width)
    result = pl.grad_cam(layer="3", relu=False)(model, x, target=[2, 0])
    with torch.no_grad():
        seen = model[:4](x)
        cam = torch.einsum("bkhw,bk->bhw", seen, model[6].weight[[2, 0]]).numpy()
    cells = (height - 4) * (width - 4)
    np.testing.assert_allclose(result.values * cells, cam, rtol=1e-12, atol=1e-14)
    clipped = pl.grad_cam(layer="3")(model, x, target=[2, 0]).values
    assert np.array_equal(clipped, np.maximum(result.values, 0))


@few
@given(seed=seeds, factor=st.sampled_from([0.25, 3.0, 40.0]), channel=st.integers(0, 7))
def test_rescaled_channel_changes_nothing(seed: int, factor: float, channel: int) -> None:
    model, x = known.pooled_head(seed), image(seed)
    before = pl.grad_cam(layer="3")(model, x, target=1).values
    with torch.no_grad():
        model[2].weight[channel] *= factor
        model[2].bias[channel] *= factor
        model[6].weight[:, channel] /= factor
    after = pl.grad_cam(layer="3")(model, x, target=1).values
    np.testing.assert_allclose(after, before, rtol=1e-11, atol=1e-14)


def test_default_layer_is_the_last_with_a_grid() -> None:
    result = pl.grad_cam()(known.pooled_head(), image(0), target=1)
    assert result.layer == "3"


def test_planted_patch_is_found() -> None:
    detector = known.template_detector()
    heat = pl.grad_cam(layer="1")(detector.model, detector.x, target=0).values[0]
    assert np.unravel_index(heat.argmax(), heat.shape) == (14, 7)
    assert detector.share_inside(torch.tensor(heat), 0) > 0.99


@pytest.mark.parametrize("target", [0, 1])
def test_each_class_shows_its_own_object(target: int) -> None:
    scene = known.two_objects()
    for view in (pl.grad_cam(layer="1"), pl.input_x_gradient(), pl.integrated_gradients(n_steps=4)):
        values = view(scene.model, scene.x, target=target).values[0]
        heat = torch.tensor(values if values.ndim == 2 else values.sum(0))
        assert scene.share_inside(heat, target) > 0.999
    signed = pl.grad_cam(layer="1", relu=False)(scene.model, scene.x, target=pl.contrast(0, 1)).values[0]
    assert signed[3, 3] > 0 > signed[10, 10]
