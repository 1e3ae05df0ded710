"""The check exploding_gradients."""

import pytest
import torch
from torch import nn

import pellucid as pl


def test_large_weights_are_named():
    layers = [nn.Linear(8, 8, bias=False) for _ in range(6)]
    with torch.no_grad():
        for one in layers:
            one.weight.copy_(10 * torch.linalg.qr(torch.randn(8, 8))[0])
    (found,) = [
        one for one in pl.Lens(nn.Sequential(*layers)).diagnose(torch.randn(1, 8)) if one.check == "exploding_gradients"
    ]
    assert found.severity == "high"
    assert found.evidence.values[0, 0] / found.evidence.values[0, -1] == pytest.approx(1e5, rel=1e-4)
