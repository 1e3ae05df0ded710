import torch

from pellucid.core.sites import Place
from pellucid.engine.operations import Operation


def test_an_argument_by_position_or_name():
    one = Operation("mul", Place(""), torch.mul, (1, 2), {"other": 3}, (1, "other"), torch.zeros(1))
    assert [one.value(key) for key in one.inputs] == [2, 3]
    assert one != Operation("mul", Place(""), torch.mul, (1, 2), {"other": 3}, (1, "other"), torch.zeros(1))
