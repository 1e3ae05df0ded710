import pytest
import torch
from torch import nn

from pellucid.core.errors import ModelFailed
from pellucid.engine.edits import ablate
from pellucid.engine.passes import OUTPUT, Keep, Pass
from pellucid.engine.sharing import groups, shareable
from pellucid.engine.targets.target import Target
from pellucid.inputs.read import read
from tests.engine.asking import ask, plan

VALUES = torch.randn(2, 4)
X = read(VALUES)
STATE = {"weight": torch.zeros(3, 4)}


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (Pass(X), Pass(read(VALUES.clone())), True),
        (Pass(X), Pass(read(VALUES + 1e-7)), False),
        (Pass(X), Pass(read(VALUES.double())), False),
        (Pass(X), Pass(X.replaced({"input": VALUES.T.contiguous().T})), False),
        (Pass(X, keep=["a"]), Pass(X, grads=["b"], target=Target(1), graph=True), True),
        (Pass(X, edits=(ablate("a"),)), Pass(X, edits=(ablate("a"),)), True),
        (Pass(X, edits=(ablate("a"),)), Pass(X), False),
        (Pass(X, edits=(ablate("a"), ablate("b"))), Pass(X, edits=(ablate("b"), ablate("a"))), False),
        (Pass(X, state=STATE), Pass(X, state=STATE), True),
        (Pass(X, state=STATE), Pass(X, state=dict(STATE)), False),
        (Pass(X, state={}), Pass(X), True),
        (Pass(X), Pass(X, start=2), False),
    ],
)
def test_what_may_share_a_forward(a, b, same):
    assert shareable(a, b) is shareable(b, a) is same


def test_minus_zero_is_not_zero_and_nan_is_nan():
    zero, minus, nan = (read(VALUES).replaced({"input": torch.full((1, 2), one)}) for one in (0.0, -0.0, float("nan")))
    assert not shareable(Pass(zero), Pass(minus))
    assert shareable(Pass(nan), Pass(nan.replaced({"input": nan.tensors["input"].clone()})))


def test_passes_are_grouped_in_the_order_in_which_they_came():
    other = read(VALUES + 1)
    a, b, c = Pass(X), Pass(other), Pass(X)
    assert groups([a, b, c], None) == [[a, c], [b]]


def test_an_open_target_brings_the_clean_forward_to_the_front():
    target, other = Target(), Pass(read(VALUES + 1))
    far, clean = Pass(read(VALUES + 2), target=target), Pass(X)
    found = groups([other, far, clean], X)
    assert (
        found[0][0] is clean and found[0][1].target is target and found[0][1].x is X and found[1:] == [[other], [far]]
    )
    (added, *_), *rest = groups([other, far], X)
    assert added.x is X and added.target is target and rest == [[other], [far]]


def test_a_target_that_is_fixed_or_asked_on_the_clean_input_needs_nothing_more():
    target = Target(0)
    near = Pass(X, target=target)
    assert groups([near], X) == [[near]]
    target.resolve(VALUES, VALUES)
    far = Pass(read(VALUES + 1), target=target)
    assert groups([far], X) == [[far]]


def test_a_rival_is_fixed_by_the_clean_forward_of_its_target():
    def method(x, target):
        rival = target.rival()
        yield from Pass(x, target=target)
        far = yield from Pass(read(VALUES + 1), target=rival)
        return far.targets

    model = nn.Linear(4, 3)
    (task,), planner = plan(model, method, x=VALUES)
    second = model(VALUES).topk(2).indices[:, 1].tolist()
    assert [info.index for info in task.result] == [(one,) for one in second]
    assert planner.cost().forwards == 2


class Picky(nn.Module):
    """Refuses one input."""

    def forward(self, x):
        if x[0, 0] > 0:
            raise ValueError("not this one")
        return x


def test_a_forward_that_raises_fails_its_own_passes_alone():
    good, bad = read(-torch.ones(1, 2)), read(torch.ones(1, 2))
    seen, cost = ask(Picky(), Pass(bad, keep=[OUTPUT]), Pass(good, keep=[OUTPUT]), Pass(bad, keep=[OUTPUT]))
    assert [isinstance(one, ModelFailed) for one in seen] == [True, False, True]
    assert cost.forwards == 2, (
        "the model raises for all of its members alike: one forward for them, one for the good one"
    )


def test_a_reduction_that_raises_fails_its_own_pass_alone():
    def breaks(value: torch.Tensor) -> torch.Tensor:
        raise ZeroDivisionError("in the reduction")

    keeps = ([Keep("", breaks)], [OUTPUT], [Keep("", torch.sum)])
    seen, cost = ask(nn.Linear(4, 3), *(Pass(X, keep=keep) for keep in keeps))
    assert [isinstance(one, Exception) for one in seen] == [True, False, False]
    assert cost.forwards == 1 + 3, "the shared forward, and each of its members alone"


def test_parameters_are_substituted_by_name_and_never_in_the_model():
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    before = [one.clone() for one in model.parameters()]
    new = torch.randn(3, 4)
    (plain, changed), cost = ask(
        model, Pass(X, keep=[OUTPUT]), Pass(X, keep=[OUTPUT, "0:weight"], state={"0.weight": new})
    )
    assert cost.forwards == 2 and torch.equal(plain[OUTPUT], model(VALUES).detach())
    expected = model[2]((VALUES @ new.T + model[0].bias).relu())
    assert torch.allclose(changed[OUTPUT], expected.detach(), atol=1e-6) and torch.equal(changed["0:weight"], new)
    assert all(torch.equal(one, old) for one, old in zip(model.parameters(), before, strict=True))


def test_buffers_are_substituted_too():
    model = nn.BatchNorm1d(4).eval()
    (seen,), _ = ask(model, Pass(X, keep=[OUTPUT], state={"running_mean": VALUES[0]}))
    assert torch.allclose(seen[OUTPUT][0], torch.zeros(4), atol=1e-6) and not model.running_mean.any()


def test_gradients_at_substituted_parameters():
    model, new = nn.Linear(4, 3).requires_grad_(False), torch.randn(3, 4)
    (seen,), _ = ask(model, Pass(X, grads=[":weight"], target=Target(1), state={"weight": new}))
    expected = torch.zeros(3, 4)
    expected[1] = VALUES.sum(0)
    assert torch.allclose(seen.grad(":weight"), expected) and model.weight.grad is None
