"""The check learning_rate."""

import pytest
import torch
from torch import nn

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


class Breaks(nn.Module):
    """A logarithm that is kept off negative numbers until `bad`."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last, self.bad = nn.Linear(4, 8), nn.Linear(8, 4), False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.first(x)
        return self.last(torch.log(hidden if self.bad else hidden.abs() + 1e-3))


def test_a_nan_out_of_calm_is_not_blamed_on_the_rate():
    torch.manual_seed(0)
    model = Breaks()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    with pl.Lens(model).watch(optimizer, every=5) as run:
        for i in range(20):
            model.bad = i >= 7
            optimizer.zero_grad()
            loss = model(torch.randn(16, 4)).square().mean()
            loss.backward()
            optimizer.step()
            run.log(loss=loss)
    found = pl.Lens(model).diagnose(run=run)
    assert {one.check for one in found.high} == {"not_finite"} and "learning_rate" in found.passed
