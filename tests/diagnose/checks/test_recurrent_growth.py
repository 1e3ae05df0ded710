"""The check recurrent_growth."""

from tests.diagnose.faults import FAULTS


def test_the_planted_fault_is_named_first():
    check, plant = FAULTS["exploding recurrent"]
    found = plant(0, 2).found()
    assert found[0].check == check == "recurrent_growth"
    assert found[0].evidence.describe("en") and found[0].describe("zh")
