"""The check half_range."""

from tests.diagnose.faults import FAULTS


def test_the_planted_fault_is_named_first():
    check, plant = FAULTS["fp16 overflow"]
    found = plant(0, 2).found()
    assert found[0].check == check == "half_range"
    assert found[0].evidence.describe("en") and found[0].describe("zh")
