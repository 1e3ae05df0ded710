"""LayerCAM: the formula on every layout, and what it is never below."""

import numpy as np

import pellucid as pl
from tests.methods.activation.cams import TARGET, layer_of, on_every_layout, pooled, restated
from tests.networks import NETWORKS, known


@on_every_layout
def test_the_formula(name: str) -> None:
    expected = restated(name, lambda a, g: sum(np.where(g[k] > 0, g[k], 0) * a[k] for k in range(len(a))))
    network = NETWORKS[name]
    values = pl.layer_cam(layer=layer_of(name), relu=False)(network.build(), network.x(2), target=TARGET).values
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())


def test_behind_a_relu_it_is_never_below_hires_cam() -> None:
    model, x = known.pooled_head(), pooled()
    for layer in ("1", "3"):
        above = pl.layer_cam(layer=layer)(model, x, target=1).values
        below = pl.hires_cam(layer=layer, relu=False)(model, x, target=1).values
        assert (above >= below - 1e-15).all() and (above > below + 1e-6).any()


def test_each_class_shows_its_own_object() -> None:
    scene = known.two_objects()
    for target in (0, 1):
        values = pl.layer_cam(layer="1")(scene.model, scene.x, target=target).values[0]
        top, bottom, left, right = scene.boxes[target]
        assert values[top:bottom, left:right].sum() == values.sum() > 0
