"""When a replay is taken, when it is not, and that a wrong one never is."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pellucid.engine.cones import cone
from pellucid.engine.cones.cone import Refused
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Covered
from pellucid.inputs.read import read
from tests.engine.replaying import relative, whole, windows

GRID = (24, 24)


class Net(nn.Module):
    """Three convolutions; what else it does depends on the test."""

    def __init__(self, extra=None):
        super().__init__()
        self.convs = nn.Sequential(*[nn.Conv2d(3, 3, 3, padding=1) for _ in range(3)])
        self.extra = extra

    def forward(self, x):
        h = self.convs(x)
        h = h if self.extra is None else self.extra(h)
        return h.amax((2, 3))


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """These networks are so small that nothing would pay."""
    monkeypatch.setattr(cone, "PAYS", float("inf"))


def asked(looker, x=None, boxes=None, agrees=lambda covered, raw: True):
    x = torch.randn(1, 3, *GRID) if x is None else x
    boxes = windows(GRID, 3) if boxes is None else boxes
    with looker.looking(0) as session:
        covered = Covered(boxes, torch.zeros_like(x))
        return cone.replayed(session, read(x), covered, agrees), session


def test_equal_to_whole_forwards_and_recorded_once():
    model, x = Net().eval(), torch.randn(1, 3, *GRID)
    looker, covered = Looker(model), Covered(windows(GRID, 3), torch.zeros(1, 3, *GRID))
    with looker.looking(0) as session:
        inputs = read(x)
        first = cone.replayed(session, inputs, covered, lambda covered, raw: True)
        again = cone.replayed(session, read(x.clone()), covered, lambda covered, raw: True)
        assert session.forwards == session.samples == 1
        cone.replayed(session, read(x + 1), covered, lambda covered, raw: True)
        assert session.forwards == 2
    assert torch.equal(first, again) and relative(first, whole(model, x, covered.boxes)) < 1e-6


def test_compared_once_for_each_size_in_both_corners_the_middle_and_elsewhere():
    looker, seen = Looker(Net().eval()), []

    def agrees(covered, raw):
        seen.append((covered.boxes.tolist(), raw))
        return True

    for size in (3, 3, 5):
        asked(looker, boxes=windows(GRID, size), agrees=agrees)
    assert [len(raw) for _, raw in seen] == [4, 4]
    corner, last, middle, _ = seen[0][0]
    assert (corner, last, middle) == ([[0, 3], [0, 3]], [[21, 24], [21, 24]], [[10, 13], [10, 13]])


def test_what_differs_is_refused_from_then_on():
    looker = Looker(Net().eval())
    with pytest.raises(Refused, match="something else"):
        asked(looker, agrees=lambda covered, raw: False)
    with pytest.raises(Refused, match="known"):
        asked(looker)
    assert len(asked(looker, boxes=windows(GRID, 5))[0]) == 5


def hidden(h):
    """Reads a value of the map."""
    return h * float(h.max())


@pytest.mark.parametrize("extra", [hidden, lambda h: F.dropout(h, 0.5, training=True)])
def test_networks_that_cannot_be_replayed(extra):
    with pytest.raises(Refused):
        asked(Looker(Net(extra).eval()))


def test_a_model_that_raises_is_left_to_the_ordinary_pass():
    def raises(h):
        raise ValueError("planted")

    with pytest.raises(Refused, match="planted"):
        asked(Looker(Net(raises).eval()))


@pytest.mark.parametrize(
    "x",
    [
        torch.randn(2, 3, *GRID),
        torch.randn(1, 3, *GRID).bfloat16(),
        torch.randint(3, (1, 3, *GRID)),
        torch.randn(1, 576),
    ],
    ids=["two examples", "half", "integers", "rows"],
)
def test_inputs_that_are_not_replayed(x):
    with pytest.raises(Refused, match="not one example"):
        asked(Looker(Net().eval()), x=x)


def test_scripted_parts_are_not_replayed():
    model = Net().eval()
    with pytest.warns(FutureWarning, match="script"):
        model.convs[1] = torch.jit.script(model.convs[1])
    with pytest.raises(Refused, match="not one example"):
        asked(Looker(model))


def test_what_does_not_pay(monkeypatch):
    monkeypatch.undo()
    looker = Looker(Net().eval())
    with pytest.raises(Refused, match="computed again"):
        asked(looker)


def test_memory_that_runs_out_is_told_as_it_is():
    def runs_out(h):
        raise torch.OutOfMemoryError("planted")

    with pytest.raises(torch.OutOfMemoryError):
        asked(Looker(Net(runs_out).eval()))
