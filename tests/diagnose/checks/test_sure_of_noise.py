"""The check sure_of_noise."""

import torch
from torch import nn

import pellucid as pl
from pellucid.diagnose.checks.sure_of_noise import scattered
from tests.diagnose.planted import batch


class Mean(nn.Module):
    """Two classes told by the mean alone, which no order of pixels changes; or by one pixel."""

    def __init__(self, times: float) -> None:
        super().__init__()
        self.times = times
        self.weight = nn.Parameter(torch.tensor([1.0, -1.0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.times * (x.mean((1, 2, 3)) + 2)[:, None] * self.weight


def test_who_looks_at_the_mean_is_as_sure_of_noise():
    (one,) = [one for one in pl.Lens(Mean(50)).diagnose(batch(16)[0]) if one.check == "sure_of_noise"]
    assert one.severity == "info" and one.evidence.rows[0]["sure"] > 0.99
    assert abs(one.evidence.rows[0]["sure"] - one.evidence.rows[1]["sure"]) < 1e-6


def test_who_doubts_is_no_finding():
    assert "sure_of_noise" in pl.Lens(Mean(0.1)).diagnose(batch(16)[0]).passed


def test_pixels_keep_their_channels():
    value = torch.randn(3, 2, 4, 5)
    other = scattered(value)
    assert not torch.equal(value, other)
    one, two = (set(map(tuple, each[1].flatten(1).T.tolist())) for each in (value, other))
    assert one == two
