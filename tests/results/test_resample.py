import numpy as np
import pytest
import torch
import torch.nn.functional as F

from pellucid.results.resample import resample, taps

RNG = np.random.default_rng(0)
MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}


@pytest.mark.parametrize(
    ("source", "goal"),
    [
        ((7, 7), (224, 224)),
        ((7, 5), (33, 100)),
        ((14, 14), (5, 9)),
        ((1, 3), (4, 4)),
        ((6,), (50,)),
        ((2, 3, 4), (5, 6, 9)),
    ],
)
def test_as_torch_does(source, goal):
    values = RNG.normal(size=(2, *source))
    expected = F.interpolate(torch.from_numpy(values)[:, None], size=goal, mode=MODES[len(goal)])[:, 0]
    np.testing.assert_allclose(resample(values, goal), expected.numpy(), atol=1e-12)
    single = F.interpolate(torch.from_numpy(values).float()[:, None], size=goal, mode=MODES[len(goal)])[:, 0]
    np.testing.assert_allclose(resample(values.astype("f4"), goal), single.numpy(), atol=2e-6)


def test_the_same_grid_is_the_same_numbers():
    values = RNG.normal(size=(2, 5, 5)).astype("f4")
    assert np.array_equal(resample(values, (5, 5)), values)


def test_what_is_not_finite_stays_local():
    values = np.zeros((1, 8, 8))
    values[0, 4, 4] = np.nan
    large = resample(values, (64, 64))
    bad = np.argwhere(np.isnan(large))[:, 1:]
    assert len(bad)
    assert bad.min() >= 27
    assert bad.max() < 45


def test_an_empty_axis_is_refused():
    with pytest.raises(ValueError, match="nothing to resample"):
        resample(np.zeros((1, 0)), (4,))


def test_weights_lie_between_the_ends():
    low, high, share = taps(3, 17)
    assert (share >= 0).all()
    assert (share < 1).all()
    assert (high < 3).all()
    assert (low <= high).all()
