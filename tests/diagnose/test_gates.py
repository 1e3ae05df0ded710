"""Squeeze-excitations are told from maps."""

import torch
from torch import nn

import pellucid as pl
from pellucid.diagnose.gates import is_gate


def test_gates_have_one_number_for_each_channel():
    assert is_gate((2, 8, 1, 1)) and not is_gate((2, 8, 1, 4)) and not is_gate((2, 8))


def test_a_squeeze_that_half_rests_is_worth_a_look_no_more():
    model = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    with torch.no_grad():
        model[1].bias[:5] = -60
    (one,) = [one for one in pl.Lens(model).diagnose(torch.randn(32, 3, 8, 8)) if one.check == "dead_units"]
    assert one.severity == "low"
