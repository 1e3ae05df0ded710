"""Power laws: found where there is one, refuted where there is none."""

import numpy as np
import pytest
import torch

from pellucid.ops.power_law import FEWEST, PowerLaw, power_law


@pytest.mark.parametrize("exponent", [2.0, 3.5])
def test_the_exponent_of_a_power_law_is_found(exponent: float) -> None:
    uniform = np.random.default_rng(0).uniform(size=4000)
    found = power_law(torch.from_numpy((1 - uniform) ** (-1 / (exponent - 1))))
    assert found is not None and found.holds
    assert found.exponent == pytest.approx(exponent, rel=0.1)
    assert 1.0 <= found.low < found.high and found.count >= 10


def test_the_fit_is_that_of_its_own_range() -> None:
    """The maximum of the likelihood, by its closed form, and the distance counted step by step."""
    values = torch.from_numpy(np.random.default_rng(1).pareto(1.5, 300) + 1)
    found = power_law(values)
    assert found is not None
    tail = np.sort(values.numpy()[values.numpy() >= found.low])
    assert len(tail) == found.count
    assert found.exponent == pytest.approx(1 + len(tail) / np.log(tail / found.low).sum())
    model = 1 - (tail / found.low) ** (1 - found.exponent)
    below, upto = np.arange(len(tail)) / len(tail), np.arange(1, len(tail) + 1) / len(tail)
    assert found.distance == pytest.approx(max((model - below).max(), (upto - model).max()))


def test_scale_moves_the_range_alone() -> None:
    values = torch.from_numpy(np.random.default_rng(2).pareto(2, 200) + 1)
    one, other = power_law(values), power_law(5 * values)
    assert one is not None and other is not None
    assert other.exponent == pytest.approx(one.exponent) and other.low == pytest.approx(5 * one.low)


def test_one_in_twenty_samples_of_the_law_is_refuted() -> None:
    """The test at 5 % over samples of the law with a known start."""
    source = np.random.default_rng(3)
    refuted = 0
    for _ in range(400):
        tail = np.sort(source.exponential(size=60))
        model = 1 - np.exp(-tail / tail.mean())
        rank = np.arange(60)
        distance = max((model - rank / 60).max(), ((rank + 1) / 60 - model).max())
        refuted += not PowerLaw(2.0, 1.0, 2.0, 60, float(distance)).holds
    assert 0.02 < refuted / 400 < 0.09


def test_what_is_no_tail_has_none() -> None:
    assert power_law(torch.ones(FEWEST - 1)) is None
    assert power_law(torch.ones(200)) is None
    assert power_law(torch.zeros(200)) is None


def test_even_values_are_refuted() -> None:
    even = PowerLaw(1.5, 1.0, 2.0, 400, 0.2)
    assert not even.holds
