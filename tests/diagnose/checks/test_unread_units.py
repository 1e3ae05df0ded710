"""The check unread_units."""

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

import pellucid as pl
from tests.diagnose.planted import Residual, batch, host, plain


def unread(model: nn.Module, x: torch.Tensor) -> dict[str, float]:
    found = [one for one in pl.Lens(model.eval()).diagnose(x) if one.check == "unread_units"]
    shares = {
        place: share for one in found for place, share in zip(one.evidence.labels, *one.evidence.values, strict=True)
    }
    assert set(shares) == {one.place for one in found}
    return shares


def test_channels_that_the_next_layer_multiplies_by_zero_are_counted():
    """Of four convolutions four channels of the second, and one of the last, which is read behind a flatten."""
    model = plain(norm=True)
    with torch.no_grad():
        model[8].weight[:, :4] = 0  # type: ignore[index]
        model[15].weight[:, 5 * 16 : 6 * 16] = 0  # type: ignore[index]
    assert unread(model, batch(8)[0]) == pytest.approx({"4": 4 / 16, "11": 1 / 16})


def test_a_pruned_network_is_told():
    model = nn.Sequential(nn.Linear(8, 20), nn.ReLU(), nn.Linear(20, 6), nn.ReLU(), nn.Linear(6, 2))
    prune.ln_structured(model[2], "weight", amount=0.4, n=2, dim=1)
    assert unread(model, torch.randn(8, 8)) == pytest.approx({"0": 0.4})


def test_a_batch_norm_that_scales_by_zero_is_told():
    model = host("residual")
    with torch.no_grad():
        model.blocks[1][1].weight[:8] = 0  # type: ignore[index]
    assert unread(model, batch(8)[0]) == pytest.approx({"blocks.1.1": 0.5})


def test_where_others_read_too_nothing_is_said():
    """A residual sum reads what the zeroed columns do not."""
    model = host("residual")
    with torch.no_grad():
        model.blocks[1][0].weight[:, :8] = 0  # type: ignore[index]
    assert not unread(model, batch(8)[0])


class Across(nn.Module):
    """A linear layer over the width of pictures: it reads no channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 16, 3, padding=1), nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.conv(x)).mean((1, 2))


def test_another_axis_is_not_taken_for_channels():
    model = Across()
    with torch.no_grad():
        model.fc.weight[:, :4] = 0
    assert not unread(model, batch(8)[0])


def test_layers_made_of_zeros_are_no_finding():
    model = Residual()
    for block in model.blocks:
        nn.init.zeros_(block[4].weight)  # type: ignore[index]
    nn.init.zeros_(model.head.weight)
    assert not unread(model, batch(8)[0])
