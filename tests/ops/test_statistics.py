import math

import pytest
import torch

from pellucid.ops.statistics import BINS, at_limits, histogram, saturation, summary


def test_moments_are_in_double_precision():
    value = torch.randn(4, 3, 5, 5) * 3 + 1000
    found = summary(value)
    assert found.mean == value.double().mean().item()
    assert found.std == pytest.approx(value.double().std(unbiased=False).item(), rel=1e-12)
    assert (found.low, found.high, found.shape) == (value.min().item(), value.max().item(), (4, 3, 5, 5))


def test_zeros_and_silent_channels():
    value = torch.ones(2, 4, 3, 5)
    value[:, 1] = 0
    value[..., 2] = 0
    value[0, 3] = 0
    found = summary(value)
    assert (found.silent_first, found.silent_last) == (1, 1)
    assert found.zero == pytest.approx((value == 0).double().mean().item())


@pytest.mark.parametrize("shape", [(3,), ()])
def test_one_number_per_example_has_no_channels(shape):
    found = summary(torch.zeros(shape))
    assert (found.silent_first, found.silent_last, found.zero) == (0, 0, 1.0)


def test_what_is_not_finite_is_counted_and_left_out():
    found = summary(torch.tensor([[1.0, float("nan"), 3.0, float("inf")]]))
    assert (found.not_finite, found.mean, found.high) == (2, 2.0, 3.0)
    assert math.isnan(summary(torch.tensor([[float("nan")]])).mean)


def test_a_histogram_is_a_density():
    value = torch.rand(1000) * 4 - 1
    centres, density = histogram(value)
    assert len(centres) == BINS and (density.sum() * (centres[1] - centres[0])).item() == pytest.approx(1)
    assert centres[0] > value.min() and centres[-1] < value.max()
    counts = torch.histc(value.double(), BINS, value.min().item(), value.max().item())
    assert torch.allclose(density / density.sum(), counts / 1000)


@pytest.mark.parametrize("value", [torch.full((5,), 2.0), torch.tensor([float("nan")]), torch.zeros(0)])
def test_a_histogram_of_next_to_nothing(value):
    centres, density = histogram(value)
    assert bool(density.isfinite().all()) and bool((centres.diff() > 0).all())


@pytest.mark.parametrize(
    ("op", "value", "share"),
    [
        ("sigmoid", [0.0, 0.005, 0.5, 0.996], 0.75),
        ("tanh", [-0.99, 0.0, 0.97, 0.985], 0.5),
        ("relu6", [0.0, 5.95, 6.0, 3.0], 0.5),
        ("relu", [0.0], None),
        ("gelu", [0.0], None),
    ],
)
def test_saturation_is_the_share_near_a_limit(op, value, share):
    assert saturation(op, torch.tensor(value)) == share


def test_each_limit_has_its_own_values():
    lower, upper = at_limits("sigmoid", torch.tensor([0.001, 0.5, 0.999]))
    assert lower.tolist() == [True, False, False] and upper.tolist() == [False, False, True]
    assert len(at_limits("relu6", torch.zeros(1))) == 1 and at_limits("relu", torch.zeros(1)) is None
