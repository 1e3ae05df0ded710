"""The check batch_norm_fit."""

from tests.diagnose.faults import FAULTS


def test_the_planted_fault_is_named_first():
    check, plant = FAULTS["batch-norm drift"]
    found = plant(0, 2).found()
    assert found[0].check == check == "batch_norm_fit"
    assert found[0].evidence.describe("en") and found[0].describe("zh")
