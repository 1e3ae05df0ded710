import pytest
import torch
from torch import nn

from pellucid.engine.halving import run_halved
from pellucid.engine.looker import Looker
from pellucid.engine.passes import INPUT, OUTPUT, Pass
from pellucid.engine.sharing import MemoryRanOut
from pellucid.engine.targets.target import Target
from pellucid.inputs.read import read
from tests.engine.asking import plan
from tests.networks import seeded


class Small(nn.Module):
    """Has memory for `most` examples."""

    def __init__(self, most):
        super().__init__()
        self.net, self.most, self.sizes = nn.Sequential(nn.Linear(5, 6), nn.ReLU(), nn.Linear(6, 4)), most, []

    def forward(self, x):
        self.sizes.append(len(x))
        if len(x) > self.most:
            raise torch.OutOfMemoryError("planted")
        return self.net(x)


X = torch.randn(7, 5, generator=torch.Generator().manual_seed(4))


def wants(**asked):
    def method(x, target):
        yield from Pass(x, target=target)  # fixes the target
        return (yield from Pass(x.replaced({"input": x.tensors["input"] * 1.5}), target=target, **asked))

    return method


def look(most, target=None, **asked):
    model = seeded(lambda: Small(most))()
    return plan(model, wants(**asked), x=X, target=target)


def small_enough(most):
    model = seeded(lambda: Small(100))()
    looker = Looker(model)
    target = Target()
    target.resolve(model(X), model(X))
    model.most = most
    model.sizes.clear()
    return model, looker, target


@pytest.mark.parametrize(("most", "chunks"), [(7, ()), (4, (4, 3)), (3, (2, 2, 3)), (1, (1,) * 7)])
def test_a_pass_is_cut_until_it_fits_and_equals_the_whole(most, chunks):
    model, looker, target = small_enough(most)

    def method(x, _):
        return (yield from Pass(x, keep=[OUTPUT], grads=[INPUT], target=target))

    (task,), planner = plan(looker, method, x=X)
    leaf = X.clone().requires_grad_()
    model.most = 100
    output = model(leaf)
    best = output.argmax(1)
    expected = torch.autograd.grad(output[range(7), best].sum(), leaf)[0]
    seen = task.result
    assert torch.allclose(seen[OUTPUT], output.detach(), atol=1e-6) and torch.allclose(
        seen.grad(INPUT), expected, atol=1e-6
    )
    assert torch.allclose(seen.score, output[range(7), best].detach(), atol=1e-6)
    assert [info.index[0] for info in seen.targets] == best.tolist()
    assert planner.cost().chunks == chunks and torch.equal(seen[INPUT], X)


def test_targets_of_each_example_follow_their_rows():
    model, looker, _ = small_enough(3)
    asked = [0, 1, 2, 3, 0, 1, 2]
    target = Target(asked)
    target.resolve(model.net(X), None)

    def method(x, _):
        return (yield from Pass(x, keep=[OUTPUT], target=target))

    (task,), _ = plan(looker, method, x=X)
    assert torch.allclose(task.result.score, model.net(X)[range(7), asked].detach(), atol=1e-6)


@pytest.mark.parametrize(
    "asked",
    [{"keep": ["net.0"]}, {"keep": [OUTPUT], "graph": True}, {"keep": ["every weight"]}, {"attention": ("net.0",)}],
    ids=str,
)
def test_what_has_no_known_batch_axis_is_never_cut(asked):
    _, looker, target = small_enough(4)

    def method(x, _):
        return (yield from Pass(x, target=target, **asked))

    with pytest.raises(MemoryRanOut):
        plan(looker, method, x=X)


def test_a_single_example_that_does_not_fit_gives_up():
    _, looker, target = small_enough(0)

    def method(x, _):
        return (yield from Pass(x, keep=[OUTPUT], target=target))

    with pytest.raises(MemoryRanOut):
        plan(looker, method, x=X)


def test_a_target_that_is_not_fixed_is_not_cut():
    with pytest.raises(MemoryRanOut):
        look(4)


def test_other_failures_are_not_taken_for_memory():
    def run(session, parts):
        raise KeyError("mine")

    _, looker, target = small_enough(4)
    with looker.looking(0) as session, pytest.raises(KeyError, match="mine"):
        run_halved(session, [Pass(read(X), keep=[OUTPUT], target=target)], run, [])


def test_gradients_of_parameters_are_added():
    model, looker, target = small_enough(3)

    def method(x, _):
        return (yield from Pass(x, grads=["net.0:weight"], target=target))

    (task,), _ = plan(looker, method, x=X)
    scores = model.net(X)
    expected = torch.autograd.grad(scores[range(7), scores.argmax(1)].sum(), model.net[0].weight)[0]
    assert torch.allclose(task.result.grad("net.0:weight"), expected, atol=1e-5)
