import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pellucid.results import Attribution, Base
from pellucid.results.heat import heat, reduce

RNG = np.random.default_rng(0)
PICTURE = Base("image", np.zeros((2, 40, 30, 3), "f4"))


@pytest.mark.parametrize(
    ("reduction", "expected"),
    [
        pytest.param("sum", lambda v: v.sum(1), id="sum"),
        pytest.param("max_abs", lambda v: np.abs(v).max(1), id="max_abs"),
        pytest.param("l2", lambda v: np.sqrt((v**2).sum(1)), id="l2"),
    ],
)
def test_channels_become_one_number(reduction, expected):
    values = RNG.normal(size=(2, 3, 40, 30)).astype("f4")
    result = Attribution(values=values, reduction=reduction, base=PICTURE)
    np.testing.assert_allclose(result.heat, expected(values), rtol=1e-5, atol=1e-6)
    assert result.heat.dtype == np.float32


def test_reducing_comes_before_resampling():
    values = RNG.normal(size=(2, 3, 10, 6)).astype("f4")
    result = Attribution(values=values, reduction="max_abs", base=PICTURE)
    expected = F.interpolate(torch.from_numpy(np.abs(values).max(1))[:, None], size=(40, 30), mode="bilinear")[:, 0]
    np.testing.assert_allclose(result.heat, expected.numpy(), atol=1e-6)


def test_a_map_is_enlarged_and_not_normalised():
    values = RNG.random((2, 7, 7)).astype("f4") * 100
    result = Attribution(values=values, base=PICTURE)
    expected = F.interpolate(torch.from_numpy(values)[:, None], size=(40, 30), mode="bilinear")[:, 0]
    np.testing.assert_allclose(result.heat, expected.numpy(), atol=1e-4)
    assert result.heat.shape == (2, 40, 30)


def test_without_a_base_the_map_keeps_its_resolution():
    values = RNG.random((1, 7, 7)).astype("f4")
    assert np.array_equal(Attribution(values=values).heat, values)


def test_features_of_tokens_become_one_number():
    values = RNG.normal(size=(1, 5, 8)).astype("f4")
    base = Base("tokens", None, (tuple("abcde"),))
    for reduction, expected in (("sum", values.sum(-1)), ("l2", np.linalg.norm(values, axis=-1))):
        np.testing.assert_allclose(Attribution(values=values, reduction=reduction, base=base).heat, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("base", "shape", "expected"),
    [
        pytest.param(Base("series", np.zeros((2, 3, 50))), (2, 3, 50), (2, 50), id="series"),
        pytest.param(Base("series", np.zeros((2, 3, 50))), (2, 13), (2, 50), id="series map"),
        pytest.param(Base("volume", np.zeros((2, 1, 4, 6, 8))), (2, 1, 4, 6, 8), (2, 4, 6, 8), id="volume"),
        pytest.param(Base("volume", np.zeros((2, 1, 4, 6, 8))), (2, 2, 3, 4), (2, 4, 6, 8), id="volume map"),
        pytest.param(Base("features", np.zeros((2, 9))), (2, 9), (2, 9), id="features"),
    ],
)
def test_every_base(base, shape, expected):
    assert heat(Attribution(values=RNG.normal(size=shape), reduction="sum", base=base)).shape == expected


def test_a_named_channel_axis_is_found_where_it_is():
    values = RNG.normal(size=(2, 40, 30, 3)).astype("f4")
    result = Attribution(values=values, axes=("batch", "height", "width", "channel"), reduction="max_abs", base=PICTURE)
    assert np.array_equal(reduce(result), np.abs(values).max(-1))


def test_an_absolute_reduction_of_one_number_drops_its_sign():
    values = np.array([[-2.0, 1.0]], "f4")
    base = Base("features", np.zeros((1, 2)))
    assert Attribution(values=values, reduction="max_abs", base=base).heat.tolist() == [[2.0, 1.0]]
    assert Attribution(values=values, reduction="sum", base=base).heat.tolist() == [[-2.0, 1.0]]
