"""Which layers read the units of a layer, where that is certain: seen through the check that asks for it."""

import torch
from torch import nn

import pellucid as pl
from pellucid.diagnose.readers import weight_of


class Forked(nn.Module):
    """Two layers read one; a third reads their sum."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.left, self.right, self.last = (nn.Linear(6, 6) for _ in range(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x).relu()
        return self.last(self.left(x) + self.right(x))


def test_a_unit_is_unread_only_where_no_reader_uses_it():
    model = Forked()
    with torch.no_grad():
        model.left.weight[:, :3] = 0
        model.right.weight[:, 2:4] = 0
    (one,) = [one for one in pl.Lens(model).diagnose(torch.randn(4, 6)) if one.check == "unread_units"]
    assert one.place == "first" and float(one.evidence.values[0, 0]) == 1 / 6


def test_the_weight_carries_no_gradient():
    assert not weight_of(nn.Linear(2, 2)).requires_grad
