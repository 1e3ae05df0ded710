"""Rows of which only scores are asked may lie otherwise in memory; the scores stay what they are."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pellucid.engine import scoring
from pellucid.engine.looker import Looker
from pellucid.engine.passes import OUTPUT, Pass
from pellucid.inputs.read import read
from tests.engine.asking import plan
from tests.networks import seeded

ROWS = 6
X = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(1))
MANY = X * torch.linspace(0.2, 1, ROWS).reshape(-1, 1, 1, 1)


class Net(nn.Module):
    """Says how its input lay in memory; may ask for contiguous memory, or answer otherwise without it."""

    def __init__(self, way=""):
        super().__init__()
        self.way, self.laid = way, []
        self.a, self.b, self.fc = nn.Conv2d(3, 8, 3, 2), nn.Conv2d(8, 6, 3, 2), nn.Linear(6, 4)

    def forward(self, x):
        self.laid.append((len(x), x.is_contiguous()))
        x = F.relu(self.b(F.relu(self.a(x))))
        if self.way == "views":
            x = x.view(len(x), -1).unflatten(1, (6, -1)).mean(2)
        elif self.way == "reads strides":
            x = x.mean((2, 3)) * x.stride(1)
        else:
            x = x.mean((2, 3))
        return self.fc(x)


def looked(model, many=MANY, times=1, target=2, **wanted):
    looker = model if isinstance(model, Looker) else Looker(model)

    def method(x, target):
        yield from Pass(x, target=target)
        seen = []
        for _ in range(times):
            seen.append((yield from Pass(read(many.clone()), target=target, expand=len(many), **wanted)))
        return seen

    (task,), planner = plan(looker, method, x=many[:1], target=target)
    if task.error is not None:
        raise task.error
    return task.result, planner.cost(), looker


def test_many_pictures_are_laid_with_their_channels_last():
    model = seeded(Net)()
    seen, cost, looker = looked(model, times=2)
    assert model.laid == [(1, True), (ROWS, False), (2, True), (ROWS, False)]
    assert list(looker.layouts.values()) == [True] and cost.forwards == 4
    with torch.no_grad():
        expected = model(MANY)
    for one in seen:
        torch.testing.assert_close(one.output, expected, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(one.scores, expected[:, 2], rtol=1e-5, atol=1e-6)
    assert torch.equal(seen[0].scores, seen[1].scores)


@pytest.mark.parametrize("way", ["views", "reads strides"])
def test_a_network_that_minds_is_run_plainly(way):
    model = seeded(lambda: Net(way))()
    seen, _, looker = looked(model, times=2)
    assert list(looker.layouts.values()) == [False] and model.laid[-2:] == [(ROWS, True)] * 2
    with torch.no_grad():
        expected = model(MANY)
    for one in seen:
        assert torch.equal(one.output, expected)


@pytest.mark.parametrize(
    ("many", "wanted"),
    [
        (MANY[:2], {}),
        (MANY[..., :32, :32].contiguous(), {}),
        (MANY, {"keep": [OUTPUT]}),
        (MANY, {"grads": ["input"]}),
    ],
    ids=["few", "small", "kept", "gradient"],
)
def test_other_passes_are_left_alone(many, wanted):
    model = seeded(Net)()
    _, _, looker = looked(model, many, **wanted)
    assert not looker.layouts and all(contiguous for _, contiguous in model.laid)


def test_other_kinds_of_numbers_are_left_alone():
    model = seeded(Net)().double()
    _, _, looker = looked(model, MANY.double())
    assert not looker.layouts and all(contiguous for _, contiguous in model.laid)


def test_an_ordinary_batch_is_left_alone_whatever_its_size():
    model = seeded(Net)()
    plan(model, lambda x, target: (yield from Pass(x, target=target)), x=MANY, target=1)
    assert model.laid == [(ROWS, True)]


def test_memory_that_runs_out_halves_the_rows_and_each_stays_the_same_example(monkeypatch):
    model = seeded(Net)()
    run = scoring.run_group

    def small(session, passes):
        if passes[0].x.size > 2:
            raise MemoryError
        return run(session, passes)

    def method(x, target):
        yield from Pass(x, target=target)
        with monkeypatch.context() as patched:
            patched.setattr(scoring, "run_group", small)
            return (yield from Pass(read(MANY.clone()), target=target, expand=ROWS, start=1))

    (task,), planner = plan(model, method, x=MANY[:2], target=[0, 3])
    assert task.error is None, task.error
    with torch.no_grad():
        torch.testing.assert_close(task.result.scores, model(MANY)[:, 3], rtol=1e-5, atol=1e-6)
    assert len(planner.cost().chunks) > 1
