"""How much examples differ, relative, and what counts as zero."""

import math

import pytest
import torch

from pellucid.diagnose.sameness import ALIKE, all_zero, spread


def test_a_difference_is_relative_to_its_own_number_and_to_the_largest():
    assert spread(torch.tensor([[1.0, 2.0], [1.0, 2.0]])) == 0
    assert spread(torch.tensor([[8.0, 10.0], [4.0, 10.0]])) == pytest.approx(4 / (8 + 1))
    assert spread(torch.tensor([[1.0], [1 + 1e-4]])) > ALIKE > spread(torch.tensor([[1.0], [1 + 2e-7]]))


def test_what_has_no_numbers_is_not_compared_and_nan_is_no_sameness():
    assert spread(torch.tensor([1, 1])) == spread(torch.zeros(2, 0)) == -1
    assert math.isnan(spread(torch.full((2, 2), math.nan)))


def test_zero_means_every_number():
    assert (
        all_zero(torch.zeros(2, 3))
        and not all_zero(torch.eye(2))
        and not all_zero(torch.zeros(0))
        and not all_zero(None)
    )
