import pytest
import torch

from pellucid.methods.decision._integral import missed, total


def test_totals_add_up_over_inputs_in_double_precision() -> None:
    values = {"a": torch.full((2, 3, 4), 1e8), "b": torch.tensor([[1.0], [-3.0]])}
    assert total(values).tolist() == [12e8 + 1, 12e8 - 3]


def test_what_is_missed_is_the_worst_example_apart_from_rounding() -> None:
    first, last = torch.tensor([0.0, 10.0]).double(), torch.tensor([2.0, 11.0]).double()
    gap = torch.tensor([0.1, -0.2], dtype=torch.float64)
    assert missed(gap, first, last) == pytest.approx((0.2 - 11e-6) / 1.0, rel=1e-12)
    assert missed(torch.tensor([1e-6, 1e-6]).double(), first, last) == 0.0
    assert missed(torch.zeros(2).double(), first, first) == 0.0
