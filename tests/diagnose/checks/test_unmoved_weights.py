"""The check unmoved_weights."""

import torch
from torch import nn

import pellucid as pl
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


def test_an_untrained_network_is_told_as_such():
    """Its convolutions are drawn otherwise than PyTorch does by default; one plain layer is no one left out."""
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8))
    for one in (model[0], model[3]):
        nn.init.normal_(one.weight)
    model = nn.Sequential(model, nn.Flatten(), nn.Linear(128, 10))
    (one,) = [one for one in pl.Lens(model).diagnose() if one.check == "unmoved_weights"]
    assert one.severity == "info" and one.said.en.startswith("This network looks untrained; its normalisations")
    assert one.said.zh.startswith("该网络看起来未经训练")
