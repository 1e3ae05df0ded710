"""The check border_attribution."""

import pellucid as pl
from tests.diagnose.faults import FAULTS
from tests.diagnose.planted import batch, host


def test_the_planted_fault_is_named_first():
    check, plant = FAULTS["label leak in a corner"]
    found = plant(0, 2).found()
    assert found[0].check == check == "border_attribution"
    assert found[0].evidence.describe("en") and found[0].describe("zh")


def test_digits_without_a_stamp_are_no_finding():
    assert "border_attribution" in pl.Lens(host("plain")).diagnose(batch(32)[0]).passed
