"""Units of a layer, wherever its channels are."""

from typing import Any

import pytest
import torch
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.sites import Place
from pellucid.engine.passes import Spot
from pellucid.engine.roles import Layout
from pellucid.methods.structure._slice_units import units_of


def _spot(value: Tensor, grad: Tensor, layout: Layout | None = None) -> Spot:
    return Spot(Place("a"), "a", value, grad, layout=layout)


@pytest.mark.parametrize(
    ("shape", "layout", "axis"),
    [
        ((2, 7), None, 1),
        ((2, 5, 7), None, 2),
        ((2, 7, 1, 1), None, 1),
        ((2, 7, 3, 4), Layout("channels_first", (3, 4)), 1),
        ((2, 3, 4, 7), Layout("channels_last", (3, 4)), 3),
        ((2, 13, 7), Layout("tokens", (3, 4), 1), 2),
        ((2, 7, 9), Layout("channels_first", (9,)), 1),
    ],
)
def test_contributions_are_summed_over_positions(shape: tuple[int, ...], layout: Any, axis: int) -> None:
    value, grad = torch.randn(shape), torch.randn(shape)
    found = units_of(_spot(value, grad, layout), 2)
    assert found is not None and found.axis == axis and found.count == 7
    others = tuple(i for i in range(1, len(shape)) if i != axis)
    expected = (value.double() * grad.double()).sum(others) if others else value.double() * grad.double()
    torch.testing.assert_close(found.contributions, expected)


@pytest.mark.parametrize("fill", ["zero", "mean"])
def test_only_the_kept_stay(fill: Any) -> None:
    value = torch.randn(2, 3, 4, 4)
    found = units_of(_spot(value, value, Layout("channels_first", (4, 4))), 2)
    assert found is not None
    kept = torch.tensor([[True, False, True], [False, False, True]])
    changed = found.only(kept, fill)(value)
    for i in range(2):
        for k in range(3):
            rest = torch.zeros(4, 4) if fill == "zero" else value[i].mean().expand(4, 4)
            torch.testing.assert_close(changed[i, k], value[i, k] if kept[i, k] else rest)


def test_what_has_no_row_for_each_example_has_no_units() -> None:
    assert units_of(_spot(torch.ones(3, 4), torch.ones(3, 4)), 2) is None
    assert units_of(_spot(torch.ones(2), torch.ones(2)), 2) is None
    with pytest.raises(NotApplicable, match="finite"):
        units_of(_spot(torch.full((2, 3), torch.nan), torch.ones(2, 3)), 2)
