"""Grad-CAM++: the formula on every layout, and its weights in closed form."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import pellucid as pl
from tests.methods.activation.cams import TARGET, layer_of, on_every_layout, pooled, restated
from tests.networks import NETWORKS, known


def with_stabilizer(stabilizer: float):
    def one_map(a: NDArray[np.float64], g: NDArray[np.float64]) -> NDArray[np.float64]:
        total = np.zeros(a.shape[1:])
        for k in range(len(a)):
            weight, active = 0.0, a[k].sum()
            for one in g[k].flat:
                if one > 0:
                    weight += one * one**2 / (2 * one**2 + active * one**3 + stabilizer)
            total += weight * a[k]
        return total

    return one_map


@on_every_layout
@pytest.mark.parametrize("stabilizer", [0.0, 1e-6])
def test_the_formula(name: str, stabilizer: float) -> None:
    expected, network = restated(name, with_stabilizer(stabilizer)), NETWORKS[name]
    view = pl.grad_cam_plus_plus(layer=layer_of(name), relu=False, stabilizer=stabilizer)
    values = view(network.build(), network.x(2), target=TARGET).values
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("seed", range(5))
def test_weights_before_a_pooled_linear_head(seed: int) -> None:
    """`w⁺ / (2 + w ΣA / Z)` for each channel."""
    model, x = known.pooled_head(seed), pooled(seed)
    values = pl.grad_cam_plus_plus(layer="3", relu=False)(model, x, target=[2, 0]).values
    with torch.no_grad():
        seen, head = model[:4](x), model[6].weight[[2, 0]]
        weights = head.clamp(min=0) / (2 + head * seen.mean((2, 3)))
    np.testing.assert_allclose(values, torch.einsum("bk,bkhw->bhw", weights, seen), rtol=1e-12, atol=1e-16)


def test_tiny_gradients_leave_the_weights_alone_unless_a_stabilizer_is_asked() -> None:
    """The same picture of a score that is a thousandth: half of it, at last; with 1e-6 below it all but vanishes."""
    model, x = known.pooled_head(), pooled()
    full = pl.grad_cam_plus_plus(layer="3")(model, x, target=1).values
    with torch.no_grad():
        model[6].weight *= 1e-3
    exact, damped = (
        pl.grad_cam_plus_plus(layer="3", stabilizer=stabilizer)(model, x, target=1).values for stabilizer in (0.0, 1e-6)
    )
    assert 0.9e-3 < exact.max() / full.max() < 2e-3
    assert damped.max() < 0.01 * exact.max()


def test_each_class_shows_its_own_object_however_small() -> None:
    scene = known.two_objects()
    for target in (0, 1):
        values = pl.grad_cam_plus_plus(layer="1")(scene.model, scene.x, target=target).values[0]
        top, bottom, left, right = scene.boxes[target]
        assert values[top:bottom, left:right].sum() == values.sum() > 0
