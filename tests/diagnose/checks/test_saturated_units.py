"""The check saturated_units."""

from tests.diagnose.faults import FAULTS


def test_the_planted_fault_is_named_first():
    check, plant = FAULTS["saturated tanh"]
    found = plant(0, 2).found()
    assert found[0].check == check == "saturated_units"
    assert found[0].evidence.describe("en") and found[0].describe("zh")
