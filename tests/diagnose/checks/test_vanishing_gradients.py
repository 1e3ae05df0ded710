"""The check vanishing_gradients."""

import numpy as np
import torch
from torch import nn

import pellucid as pl
from tests.diagnose.faults import FAULTS


def test_the_planted_fault_is_named_first():
    check, plant = FAULTS["sigmoid depth"]
    found = plant(0, 2).found()
    assert found[0].check == check == "vanishing_gradients"
    assert found[0].evidence.describe("en") and found[0].describe("zh")


def test_a_chain_of_orthogonal_maps_is_told_by_its_own_ratio():
    """Each of six layers multiplies the gradient by 0.1: the first gets 1e-5 of the last."""
    layers = [nn.Linear(8, 8, bias=False) for _ in range(6)]
    with torch.no_grad():
        for one in layers:
            one.weight.copy_(0.1 * torch.linalg.qr(torch.randn(8, 8))[0])
    (found,) = [
        one for one in pl.Lens(nn.Sequential(*layers)).diagnose(torch.randn(4, 8)) if one.check == "vanishing_gradients"
    ]
    norms = found.evidence.values[0]
    np.testing.assert_allclose(norms[:-1] / norms[1:], 0.1, rtol=1e-5)


def test_a_head_of_zeros_is_no_vanishing():
    layers = [nn.Linear(8, 8) for _ in range(4)]
    nn.init.zeros_(layers[-1].weight)
    found = pl.Lens(nn.Sequential(*layers)).diagnose(torch.randn(4, 8))
    assert "vanishing_gradients" in {one.check for one in found.not_made}
