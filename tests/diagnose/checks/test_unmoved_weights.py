"""The check unmoved_weights."""

import torch
from torch import nn

from pellucid.diagnose.checks.unmoved_weights import drawn
from tests.diagnose.faults import FAULTS


def test_the_planted_fault_is_named_first():
    check, plant = FAULTS["frozen layer"]
    found = plant(0, 2).found()
    assert found[0].check == check == "unmoved_weights"
    assert found[0].evidence.describe("en") and found[0].describe("zh")


def test_fresh_weights_are_told_from_moved_ones():
    layer = nn.Linear(40, 30)
    assert drawn(layer.weight)
    with torch.no_grad():
        layer.weight += 0.02 * torch.randn_like(layer.weight)
    assert not drawn(layer.weight)
