"""All checks together: few passes, and a model that is as before."""

import torch
from torch import nn

import pellucid as pl
from tests.diagnose.planted import batch, host


def test_the_checks_share_their_passes():
    """The clean pass with one backward; the norms' own; as in training; nine with a part exchanged; and noise."""
    found = pl.Lens(host("residual")).diagnose(batch(32)[0])
    assert found.cost.forwards == 13 and found.cost.backwards == 1
    assert (
        pl.Lens(nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))).diagnose(torch.randn(8, 8)).cost.forwards
        == 1
    )


def test_healthy_networks_raise_nothing_high():
    for name in ("plain", "residual", "transformer"):
        assert not pl.Lens(host(name)).diagnose(batch(64)[0]).high


def test_the_model_is_as_before():
    model = host("residual")
    before = {name: one.clone() for name, one in model.state_dict().items()}
    pl.Lens(model).diagnose(batch(32)[0])
    assert all(torch.equal(before[name], one) for name, one in model.state_dict().items())
    assert all(one.grad is None for one in model.parameters())
