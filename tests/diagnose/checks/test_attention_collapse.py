"""The check attention_collapse."""

import pellucid as pl
from tests.diagnose.faults import FAULTS
from tests.diagnose.planted import batch, host


def test_the_planted_fault_is_named_first():
    check, plant = FAULTS["collapsed attention"]
    found = plant(0, 2).found()
    assert found[0].check == check == "attention_collapse"
    assert found[0].evidence.describe("en") and found[0].describe("zh")


def test_a_trained_transformer_is_no_finding():
    assert "attention_collapse" in pl.Lens(host("transformer")).diagnose(batch(16)[0]).passed
