"""The score with only a slice left."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import pellucid as pl
from pellucid import registry


class Drawing(nn.Module):
    """What flows there is never the same again."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        return F.relu(x) * self.count


def test_a_network_that_does_not_repeat_itself_is_refused() -> None:
    with pytest.raises(pl.NotApplicable, match="put back unchanged"):
        registry.factory("dynamic_slice")(steps=1)(Drawing(), torch.rand(1, 3), target=0)


def test_with_nothing_left_random_sets_are_nothing_too() -> None:
    torch.manual_seed(0)
    model: Any = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2))
    _, series, _ = registry.factory("dynamic_slice")(steps=3, controls=2)(model, torch.randn(1, 3), target=0)
    assert series.curves["random"][0] == series.curves["slice"][0] == pytest.approx(float(model[2].bias[0].detach()))
