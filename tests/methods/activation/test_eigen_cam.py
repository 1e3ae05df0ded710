"""EigenCAM: the formula on every layout, its sign, and what leaves it as it is."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

import pellucid as pl
from pellucid.results.caption import caption
from tests.methods.activation.cams import layer_of, on_every_layout, restated
from tests.networks import NETWORKS, known


def one_map(a: NDArray[np.float64], _: NDArray[np.float64]) -> NDArray[np.float64]:
    """By the decomposition itself, the largest magnitude made positive."""
    rows = a.reshape(len(a), -1).T
    rows = rows - rows.mean(0)
    along = rows @ np.linalg.svd(rows, full_matrices=False)[2][0]
    return (along * np.sign(along[np.abs(along).argmax()])).reshape(a.shape[1:])


def identity(channels: int) -> nn.Sequential:
    """A layer that returns its input."""
    convolution = nn.Conv2d(channels, channels, 1, bias=False)
    model = nn.Sequential(convolution, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 2)).double()
    with torch.no_grad():
        model[0].weight.copy_(torch.eye(channels)[:, :, None, None])
    return model.eval()


@on_every_layout
def test_the_formula(name: str) -> None:
    expected, network = restated(name, one_map), NETWORKS[name]
    values = pl.eigen_cam(layer=layer_of(name), relu=False)(network.build(), network.x(2)).values
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("channels", [2, 40])
def test_of_one_pattern_it_is_the_centred_pattern(channels: int) -> None:
    """`A = u ⊗ v` gives `u - mean u`, as long as `v`; more cells than channels and fewer."""
    draw = torch.Generator().manual_seed(channels)
    u, v = (torch.rand(size, generator=draw, dtype=torch.float64) for size in (20, channels))
    u[7] = 3.0
    result = pl.eigen_cam(relu=False, layer="0")(identity(channels), (v[:, None] * u).reshape(1, channels, 4, 5))
    np.testing.assert_allclose(result.values.ravel(), (u - u.mean()) * v.norm(), rtol=1e-10)
    assert result.facts["variance"] == pytest.approx((1.0,))


def test_a_rotation_of_the_channels_changes_nothing() -> None:
    draw = torch.Generator().manual_seed(3)
    x = torch.rand(1, 6, 4, 5, generator=draw, dtype=torch.float64)
    turn = torch.linalg.qr(torch.randn(6, 6, generator=draw, dtype=torch.float64))[0]
    turned = torch.einsum("kc,bchw->bkhw", turn, x)
    one, other = (pl.eigen_cam(relu=False, layer="0")(identity(6), each).values for each in (x, turned))
    np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def test_the_largest_magnitude_is_positive() -> None:
    for seed in range(6):
        x = torch.randn(2, 5, 3, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        values = pl.eigen_cam(relu=False, layer="0")(identity(5), x).values.reshape(2, -1)
        assert (np.take_along_axis(values, np.abs(values).argmax(1, keepdims=True), 1) > 0).all()


def test_cells_that_are_alike_give_an_empty_map_and_say_so() -> None:
    x = torch.ones(2, 4, 3, 3, dtype=torch.float64)
    x[1, 0, 1, 1] = 5.0
    result = pl.eigen_cam(layer="0")(identity(4), x)
    assert not result.values[0].any() and result.values[1, 1, 1] > 0
    assert "In 1 of 2 examples all cells" in result.notes[0].en and "各格都相同" in result.notes[0].zh


def test_it_cannot_tell_two_classes_apart() -> None:
    """Ground truth that it must miss: the same picture for either object."""
    scene = known.two_objects()
    maps = [pl.eigen_cam(layer="1")(scene.model, scene.x, target=target).values for target in (0, 1)]
    assert np.array_equal(*maps)
    assert scene.share_inside(torch.tensor(maps[0][0]), 0) < 0.5


def test_its_words_speak_of_no_target() -> None:
    network = NETWORKS["residual"]
    result = pl.eigen_cam(relu=False)(network.build(), network.x(1))
    said = result.describe("en").partition("What it cannot tell")[0] + result.describe("zh").partition("它不能说明")[0]
    assert "sum of the negative values" in said and "负值之和" in said
    assert not any(word in said for word in ("target", "against", "目标", "反对"))
    assert "red positive" in caption(result) and "红色为正" in caption(result, "zh")
