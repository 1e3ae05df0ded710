import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pellucid.engine import covered
from pellucid.engine.cones import cone
from pellucid.engine.covered import covered_rows
from pellucid.engine.looker import Looker
from pellucid.engine.passes import OUTPUT, Covered, Pass
from pellucid.engine.targets.target import Target, contrast
from pellucid.inputs.read import read
from tests.engine.asking import ask, plan
from tests.engine.replaying import relative, whole, windows
from tests.networks import NETWORKS

GRID = (20, 26)
X = torch.randn(2, 3, *GRID, generator=torch.Generator().manual_seed(5))


def net():
    return nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(True), nn.MaxPool2d(2), nn.Conv2d(6, 6, 3), nn.ReLU(), nn.Flatten(),
        nn.LazyLinear(4),
    ).eval()  # fmt: skip


@pytest.fixture
def model():
    made = net()
    made(X)
    return made


@pytest.fixture
def replays(monkeypatch):
    """Counts replays, which pay however small the network is."""
    monkeypatch.setattr(cone, "PAYS", float("inf"))
    made = []
    play = cone.Replay.run
    monkeypatch.setattr(cone.Replay, "run", lambda replay: made.append(len(replay.parts[0])) or play(replay))
    return made


def look(model, x, boxes, target, fill=0.0, start=0):
    """The scores of a method that asks for the clean score first."""
    parts = Covered(boxes, torch.full_like(x[:1], fill))

    def method(inputs, target):
        clean = yield from Pass(inputs, target=target)
        seen = yield from Pass(inputs.rows(start, start + 1), target=target, covered=parts, start=start)
        return clean, seen

    (task,), planner = plan(model, method, x=x, target=target)
    if task.error is not None:
        raise task.error
    return (*task.result, planner.cost())


@pytest.mark.parametrize("start", [0, 1])
def test_scores_of_every_part(model, replays, start):
    boxes = windows(GRID, 3, 7)
    _, seen, cost = look(model, X, boxes, [1, 2], 0.5, start)
    expected = whole(model, X[start : start + 1], boxes, 0.5)
    assert relative(seen.scores, expected[:, [1, 2][start]]) < 1e-5
    assert relative(seen.output, expected) < 1e-5
    assert replays == [4, 7] and (cost.forwards, cost.samples) == (3, 2 + 1 + 4)


def test_without_a_replay_the_same(model, replays, monkeypatch):
    boxes = windows(GRID, 3, 7)
    _, again, _ = look(model, X, boxes, [1, 2])
    monkeypatch.setattr(cone, "PAYS", 0.0)
    _, plain, cost = look(model, X, boxes, [1, 2])
    assert relative(again.scores, plain.scores) < 1e-5 and len(replays) == 2
    assert (cost.forwards, cost.samples) == (3, 2 + 1 + 7)
    assert again.targets == plain.targets and again.trace.addresses() == plain.trace.addresses()


@pytest.mark.parametrize("target", [contrast(0, 3), lambda out: out.softmax(1)[:, 0], None])
def test_any_target(model, replays, target):
    boxes = windows(GRID, 3, 4)
    _, seen, _ = look(model, X[:1], boxes, target)
    out, clean = whole(model, X[:1], boxes), model(X[:1]).detach()
    expected = out[:, clean.argmax()] if target is None else target(out) if callable(target) else out[:, 0] - out[:, 3]
    assert relative(seen.scores, expected) < 1e-5 and replays


class Lying(nn.Module):
    """Hides a part of its forward from whoever looks: what it does there is not on a tape."""

    def __init__(self):
        super().__init__()
        self.conv, self.shift = nn.Conv2d(3, 4, 3), 0.0

    def forward(self, x):
        h = self.conv(x)
        with torch._C.DisableTorchFunction():
            self.shift = h.detach().mean((1, 2, 3), keepdim=True).clone()
        return (h * self.shift).mean((2, 3))


def test_a_replay_that_differs_is_seen_and_not_used(replays):
    model, boxes = Lying().eval(), windows(GRID, 3, 4)
    _, seen, _ = look(model, X[:1], boxes, 1)
    assert replays == [4]
    assert relative(seen.scores, whole(model, X[:1], boxes)[:, 1]) < 1e-5


def test_two_targets_share_a_replay(model, replays):
    boxes = windows(GRID, 3, 4)
    parts, inputs = Covered(boxes, torch.zeros_like(X[:1])), read(X[:1])
    targets = Target(1), Target(2)
    passes = [Pass(inputs, target=one, covered=parts) for one in targets]
    looker = Looker(model)
    ask(looker, *(Pass(inputs, target=one) for one in targets))
    answers, cost = ask(looker, *passes)
    expected = whole(model, X[:1], boxes)
    for seen, index in zip(answers, (1, 2), strict=True):
        assert relative(seen.scores, expected[:, index]) < 1e-5
    assert replays == [4, 4] and cost.forwards == 2


def test_what_more_is_asked_for_is_an_ordinary_pass(model, replays):
    boxes = windows(GRID, 3, 4)
    target = Target(1)
    looker, inputs, parts = Looker(model), read(X[:1]), Covered(boxes, torch.zeros_like(X[:1]))
    ask(looker, Pass(inputs, target=target))
    (seen,), _ = ask(looker, Pass(inputs, target=target, covered=parts, keep=[OUTPUT]))
    assert not replays and relative(seen[OUTPUT], whole(model, X[:1], boxes)) < 1e-6


def test_rows():
    boxes = torch.tensor([[[0, 2], [1, 3]], [[4, 5], [0, 26]]])
    fill = torch.full((1, 3, *GRID), 7.0)
    rows = covered_rows(read(X[:1]), Covered(boxes, fill)).tensors["input"]
    expected = X[:1].repeat(2, 1, 1, 1)
    expected[0, :, :2, 1:3] = expected[1, :, 4] = 7
    assert torch.equal(rows, expected)


class Small(nn.Module):
    """Has memory for three rows."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        if len(x) > 3:
            raise torch.OutOfMemoryError("planted")
        return F.relu(self.conv(x)).mean((2, 3))


def test_when_memory_runs_out_fewer_parts_at_once_and_no_comparison(replays):
    model, boxes = Small().eval(), windows(GRID, 3, 7)
    _, seen, cost = look(model, X[:1], boxes, 1)
    assert relative(seen.scores, whole(model, X[:1], boxes)[:, 1]) < 1e-6
    assert len(seen.output) == 7 and cost.samples >= 7 and replays == [4]


def test_when_memory_runs_out_in_a_replay(model, replays, monkeypatch):
    play = cone.Replay.run

    def small(replay):
        if len(replay.parts[0]) > 4:
            raise torch.OutOfMemoryError("planted")
        return play(replay)

    monkeypatch.setattr(cone.Replay, "run", small)
    boxes = windows(GRID, 3, 7)
    _, seen, _ = look(model, X[:1], boxes, 1)
    assert relative(seen.scores, whole(model, X[:1], boxes)[:, 1]) < 1e-5 and replays == [4, 4, 3]


@pytest.mark.parametrize(
    "name", ["in_place", "dict_output", "dataclass_output", "segmentation", "counts_calls", "tiny_vit"]
)
def test_awkward_networks(name, replays):
    network = NETWORKS[name]
    model, x = network.build(), network.x(1)
    boxes = windows(tuple(x.shape[2:]), 3, 4)
    _, again, _ = look(model, x, boxes, 1)
    cone.PAYS = 0.0
    _, plain, _ = look(network.build(), x, boxes, 1)
    assert relative(again.scores, plain.scores) < 1e-5


def test_how_near_is_near():
    whole_, again = torch.tensor([[1.0, -10.0]]), torch.tensor([[1.00009, -10.0]])
    assert covered._near(again, whole_) and not covered._near(again + 1e-3, whole_)
    assert not covered._near(again[:, :1], whole_) and not covered._near(None, whole_)
    assert not covered._near(again * torch.nan, whole_)
