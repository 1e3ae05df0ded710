"""The check border_attribution."""

import pytest
import torch
from torch import Tensor

import pellucid as pl
from tests.diagnose.faults import FAULTS
from tests.diagnose.planted import batch, digits, host, plain, trained


def test_the_planted_fault_is_named_first():
    check, plant = FAULTS["label leak in a corner"]
    found = plant(0, 2).found()
    assert found[0].check == check == "border_attribution"
    assert found[0].evidence.describe("en") and found[0].describe("zh")
    assert "top left" in found[0].said.en and found[0].evidence.labels[0] == "↖"


def edged(x: Tensor, labels: Tensor, where: str) -> Tensor:
    """The class as a code along the bottom edge, or as the brightness of the frame; the digit is of another class."""
    made = x.roll(7, 0).clone()
    if where == "edge":
        code = torch.stack([(labels >> i) & 1 for i in range(4)], 1).float() * 4 - 2
        made[:, 0, -1] = code.repeat_interleave(4, 1)
        return made
    for row in (slice(0, 1), slice(-1, None)):
        made[:, 0, row] = made[:, 0, :, row] = 0
    frame = torch.ones(16, 16, dtype=torch.bool)
    frame[1:-1, 1:-1] = False
    return torch.where(frame, (labels.float() - 4.5).view(-1, 1, 1, 1), made)


@pytest.mark.parametrize(("where", "sign", "words"), [("edge", "↓", "下边缘"), ("frame", "□", "边框")])
def test_a_label_along_an_edge_or_the_frame_is_named(where, sign, words):
    torch.manual_seed(0)
    x, labels = digits()
    x = edged(x, labels, where)
    model, _ = trained(plain(), x, labels)
    (one,) = [one for one in pl.Lens(model).diagnose(x[:32]) if one.check == "border_attribution"]
    shares = dict(zip(one.evidence.labels, one.evidence.values[0], strict=True))
    assert max(shares, key=lambda key: shares[key]) == sign and shares[sign] >= 0.5
    assert words in one.said.zh


@pytest.mark.parametrize("name", ["plain", "residual", "transformer"])
def test_digits_without_a_stamp_are_no_finding(name):
    assert "border_attribution" in pl.Lens(host(name)).diagnose(batch(32)[0]).passed
