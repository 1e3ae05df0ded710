"""The check learning_rate."""

import pytest
import torch

import pellucid as pl
from tests.diagnose.faults import FAULTS
from tests.diagnose.planted import digits, plain, trained


def test_the_planted_fault_is_named_first():
    check, plant = FAULTS["too high rate"]
    found = plant(0, 2).found()
    assert found[0].check == check == "learning_rate"
    assert found[0].evidence.describe("en") and found[0].describe("zh")


@pytest.mark.parametrize(
    ("rate", "names"),
    [
        (1e30, {"learning_rate", "not_finite"}),
        (float("nan"), {"not_finite"}),
        (0.0, {"unmoved_weights"}),
    ],
)
def test_trainings_that_break_at_once_or_never_move(rate, names):
    """Every update infinite, NaN, or zero: each is told as what it is, and no check stumbles over it."""
    torch.manual_seed(0)
    model = plain()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    optimizer.param_groups[0]["lr"] = rate
    _, run = trained(model, *digits(), steps=12, optimizer=optimizer, watched=True)
    found = pl.Lens(model).diagnose(run=run)
    assert {one.check for one in found.high} == names and len(found) == len(names)
    assert not [one for one in found.not_made if one.check in ("learning_rate", "unmoved_weights")]
