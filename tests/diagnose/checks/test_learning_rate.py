"""The check learning_rate."""

from tests.diagnose.faults import FAULTS


def test_the_planted_fault_is_named_first():
    check, plant = FAULTS["too high rate"]
    found = plant(0, 2).found()
    assert found[0].check == check == "learning_rate"
    assert found[0].evidence.describe("en") and found[0].describe("zh")
