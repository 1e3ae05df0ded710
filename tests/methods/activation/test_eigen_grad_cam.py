"""EigenGrad-CAM: the formula on every layout, and which end of the direction is bright."""

import numpy as np
from numpy.typing import NDArray

import pellucid as pl
from tests.methods.activation.cams import TARGET, layer_of, on_every_layout, restated
from tests.networks import NETWORKS, known


def one_map(a: NDArray[np.float64], g: NDArray[np.float64]) -> NDArray[np.float64]:
    """By the decomposition itself; bright is the end that agrees with the summed contributions."""
    rows = (a * g).reshape(len(a), -1).T
    centred = rows - rows.mean(0)
    along = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
    return (along * np.sign((along * rows.sum(1)).sum())).reshape(a.shape[1:])


@on_every_layout
def test_the_formula(name: str) -> None:
    expected, network = restated(name, one_map), NETWORKS[name]
    values = pl.eigen_grad_cam(layer=layer_of(name), relu=False)(network.build(), network.x(2), target=TARGET).values
    np.testing.assert_allclose(values, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_each_class_shows_its_own_object_with_its_sign() -> None:
    """The larger object speaks against class 0 of the contrast; its cells are the largest, and must not be bright."""
    scene = known.two_objects()
    for target in (0, 1):
        values = pl.eigen_grad_cam(layer="1")(scene.model, scene.x, target=target).values[0]
        top, bottom, left, right = scene.boxes[target]
        assert values[top:bottom, left:right].sum() == values.sum() > 0
    signed = pl.eigen_grad_cam(layer="1", relu=False)(scene.model, scene.x, target=pl.contrast(0, 1)).values[0]
    assert signed[3, 3] > signed[10, 10]
