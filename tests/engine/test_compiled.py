import pytest
import torch
from torch import nn
from torch._higher_order_ops.map import map as mapped
from torch._higher_order_ops.while_loop import while_loop

from pellucid.engine import group
from pellucid.engine.passes import INPUT, OUTPUT, Pass
from pellucid.inputs.read import read
from tests.engine.asking import ask, see

# The compiler asks every tensor for its gradient, and silences this warning itself, unless warnings are errors.
pytestmark = pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")

X = torch.rand(2, 4, generator=torch.Generator().manual_seed(5))


class Ways(nn.Module):
    """Two ways, and a third that this input does not take."""

    def __init__(self, way):
        super().__init__()
        torch.manual_seed(2)
        self.way, self.first, self.yes, self.no = way, nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return self.way(self, self.first(x))


def branched(model, x):
    return torch.cond(x.sum() > -1e6, lambda one: model.yes(one).tanh(), lambda one: model.no(one).relu() + 0, (x,))


def looped(model, x):
    return while_loop(lambda i, _: i < 3, lambda i, one: (i + 1, model.yes(one).tanh()), (torch.tensor(0), x))[1]


def each_row(model, x):
    return mapped(lambda one: model.yes(one).tanh(), x)


def seen_and_alone(model):
    """A look with a gradient beside what the model gives alone; they are the same to the bit."""
    seen = see(model, X, keep=[OUTPUT], grads=[INPUT], target=1)
    leaf = X.clone().requires_grad_()
    alone = model(leaf)
    assert torch.equal(seen[OUTPUT], alone.detach())
    assert torch.equal(seen.grad(INPUT), torch.autograd.grad(alone[:, 1].sum(), leaf)[0]) and seen.grad(INPUT).any()
    return [event.place for event in seen.trace.events]


def test_a_branch_is_stepped_into():
    places = seen_and_alone(Ways(branched))
    assert [(one.path, one.op) for one in places if one.path == "yes" or one.op == "tanh"] == [
        ("yes", "linear"),
        ("yes", ""),
        ("", "tanh"),
    ]
    assert all(one.path != "no" and one.op != "cond" for one in places)


def test_a_loop_is_stepped_into_at_every_turn():
    places = seen_and_alone(Ways(looped))
    assert [one.call for one in places if one.path == "yes" and not one.op] == [0, 1, 2]


def test_an_operator_that_takes_functions_is_one_call():
    places = seen_and_alone(Ways(each_row))
    assert [one.op for one in places if one.op] == ["linear", "map_impl"] and all(one.path != "yes" for one in places)


def test_what_the_functions_of_an_operator_read_is_read_by_it():
    (graph,), _ = ask(Ways(each_row), Pass(read(X), graph=True))
    links = graph.trace.links
    assert len(links.parameters[max(links.parameters)]) == 2 and [
        maker for maker, _ in links.reads[max(links.reads)]
    ] == [0]


def test_compiled_parts_run_as_they_are_written():
    compiled = []

    def backend(graph, _):
        compiled.append(graph)
        return graph.forward

    model = Ways(lambda one, x: torch.compile(lambda given: one.yes(given).relu() * 2, backend=backend)(x))
    places = [one.place for one in see(model, X, keep=["yes"]).trace.events]
    assert ("yes", "linear") in [(one.path, one.op) for one in places] and not compiled
    model(X)
    assert compiled


def test_a_forward_that_loads_the_compiler_is_run_again(monkeypatch: pytest.MonkeyPatch):
    answers = [False, True]
    monkeypatch.setattr(group, "compiler_loaded", lambda: answers.pop(0) if answers else True)
    runs = []
    model = Ways(lambda _, x: (runs.append(0), x.relu())[1])
    assert torch.equal(see(model, X, keep=["/relu.0"])["/relu.0"], model.first(X).relu()) and len(runs) == 2
