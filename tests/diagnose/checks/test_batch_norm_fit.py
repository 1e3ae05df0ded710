"""The check batch_norm_fit."""

import torch
from torch import nn

import pellucid as pl
from tests.diagnose.faults import FAULTS


def test_the_planted_fault_is_named_first():
    check, plant = FAULTS["batch-norm drift"]
    found = plant(0, 2).found()
    assert found[0].check == check == "batch_norm_fit"
    assert found[0].evidence.describe("en") and found[0].describe("zh")


class Rectified(nn.BatchNorm2d):
    """A batch normalisation whose module goes on with the activation, as in timm."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).clamp(0, 6)


def test_a_module_that_rectifies_what_it_normalised_fits_its_data():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 8, 3), Rectified(8), nn.Conv2d(8, 8, 3), Rectified(8))
    x = torch.randn(32, 1, 12, 12)
    for _ in range(60):
        model(x)
    found = pl.Lens(model.eval()).diagnose(x)
    assert "batch_norm_fit" in found.passed


def test_dead_channels_before_it_come_first():
    """They change what the next normalisation reads: its statistics fit no more, and are not to blame."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.BatchNorm2d(16))
    model = nn.Sequential(*model, nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(64, 4))
    nn.init.constant_(model[1].bias, 3.0)
    x = torch.randn(64, 1, 16, 16)
    for _ in range(60):
        model(x)
    with torch.no_grad():
        model[1].bias[:14] = -50
    found = pl.Lens(model.eval()).diagnose(x)
    at = [one.check for one in found].index
    dead, drift = found[at("dead_units")], found[at("batch_norm_fit")]
    assert dead.severity == "medium" and drift.severity == "low" and dead.place in drift.said.en
