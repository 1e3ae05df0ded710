"""The table of every weight."""

import torch
from torch import nn

from pellucid.engine.looker import Looker
from pellucid.methods.structure._weights_drawn import Drawn
from pellucid.methods.structure._weights_held import held
from pellucid.methods.structure._weights_told import STRIP, overview


def test_the_middle_of_a_distribution_is_zero() -> None:
    layer = nn.Linear(3, 2, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.0, 0, 0], [0, 1, -1]]))
    model = nn.Sequential(layer)
    found, _ = held(Looker(model), "every weight")
    (row,) = overview([Drawn(one) for one in found], Looker(model), ()).rows
    assert row["distribution"][STRIP // 2] == 4 and row["distribution"][0] == row["distribution"][-1] == 1
    assert row["near zero"] == 4 / 6 and row["empty filters"] == 1 and row.get("bias") is None


def test_parameters_of_the_model_itself_have_their_name() -> None:
    class Bare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Parameter(torch.randn(3, 4))

    found, _ = held(Looker(Bare()), "every weight")
    (row,) = overview([Drawn(one) for one in found], Looker(Bare()), ()).rows
    assert row["layer"] == ":table" and row["kind"] == ""
