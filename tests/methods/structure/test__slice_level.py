"""Counts of one level."""

import pytest
import torch

from pellucid.methods.structure._slice_level import BINS, counts


@pytest.mark.parametrize("values", [[0.0] * 5, [1.0, 2.0], [-3.0, 0.0, 0.0, 7.5], []])
def test_counts_add_up(values: list[float]) -> None:
    found = counts(torch.tensor(values, dtype=torch.float64))
    assert found.shape == (BINS,) and found.sum() == len(values)


def test_ends_fall_in_the_first_and_the_last_bin() -> None:
    found = counts(torch.tensor([-1.0, -1.0, 0.0, 3.0], dtype=torch.float64))
    assert found[0] == 2 and found[-1] == 1 and found[BINS // 4] == 1


def test_equal_numbers_stand_in_the_middle() -> None:
    assert counts(torch.full((4,), 2.0, dtype=torch.float64))[BINS // 2] == 4
