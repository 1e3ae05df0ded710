"""The fewest units that make up a share."""

from itertools import combinations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pellucid.ops.kept import chance, fewest

amounts = st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=7)
share = st.floats(0, 1)


@given(amounts, share)
@settings(max_examples=150, deadline=None)
def test_no_smaller_set_reaches_the_share(values: list[float], theta: float) -> None:
    sizes = torch.tensor([values], dtype=torch.float64).abs()
    kept = fewest(torch.tensor([values], dtype=torch.float64), theta)[0]
    wanted = theta * float(sizes.sum())
    assert float(sizes[0, kept].sum()) >= wanted * (1 - 1e-9)
    smaller = combinations(range(len(values)), max(0, int(kept.sum()) - 1))
    if kept.any() and theta < 1:
        assert all(float(sizes[0, list(some)].sum()) < wanted * (1 + 1e-9) for some in smaller)


@given(amounts, share, share)
@settings(max_examples=150, deadline=None)
def test_more_keeps_all_that_less_keeps(values: list[float], one: float, other: float) -> None:
    found = [fewest(torch.tensor([values]), theta) for theta in sorted((one, other))]
    assert not bool((found[0] & ~found[1]).any())


def test_ends() -> None:
    values = torch.tensor([[0.0, -2.0, 1e-30, 0.0, 2.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    assert not fewest(values, 0.0).any()
    assert torch.equal(fewest(values, 1.0), values != 0)
    assert fewest(values, 0.4)[0].tolist() == [False, True, False, False, False]  # the first of equals


@pytest.mark.parametrize("seed", [0, 1])
def test_chance_draws_as_many_and_more_hold_fewer(seed: int) -> None:
    values = torch.rand(3, 50, generator=torch.Generator().manual_seed(9))
    few, many = (fewest(values, theta) for theta in (0.3, 0.7))
    drawn = chance(few, seed), chance(many, seed)
    assert torch.equal(drawn[0].sum(1), few.sum(1)) and torch.equal(drawn[1].sum(1), many.sum(1))
    assert not bool((drawn[0] & ~drawn[1]).any())
    assert not torch.equal(drawn[0], few)
