import pytest
import torch
from torch import nn

from pellucid.engine.monitor.births import Again, born_behind, first_birth, first_birth_back, is_bad, tensors
from pellucid.engine.monitor.sample import Birth


class Spoils(nn.Module):
    def __init__(self, spoil):
        super().__init__()
        self.first, self.norm, self.last, self.spoil = nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2), spoil

    def forward(self, x):
        return self.last(self.spoil(self.norm(self.first(x))))


class Inside(nn.Module):
    def forward(self, x):
        return torch.log(-x.abs() - 1)


class Root(nn.Module):
    """Zero in the forward, and not finite on the way back."""

    def forward(self, x):
        return torch.sqrt(x * 0)


def masked(x):
    weights = x.masked_fill(torch.tensor([True, False, False, False]), float("-inf")).softmax(-1)
    return torch.sqrt(weights - 2)


def searched(model, x=None):
    x = torch.randn(5, 3) if x is None else x
    return first_birth(model, dict(model.named_modules()), ((x,), {}, torch.get_rng_state()), 30)


@pytest.mark.parametrize(
    ("spoil", "layer", "operation"),
    [
        (lambda x: torch.log(-x.abs() - 1), "/log.0", "log"),
        (lambda x: (x / 0) * 0, "/div.0", "div"),
        (lambda x: (x * 1e30) * 1e30, "/mul.1", "mul"),
        (lambda x: (x.half() * 0 + 9) @ torch.full((4, 4), 6e4).half(), "/matmul.0", "matmul"),
        (Inside(), "spoil", "log"),
        (masked, "/sqrt.0", "sqrt"),  # minus infinity where a mask put it is meant
    ],
)
def test_the_first_call_is_named(spoil, layer, operation):
    found = searched(Spoils(spoil))
    assert (found.step, found.direction) == (30, "forward")
    assert found.operation == operation and found.layer == layer


def test_weights_that_are_spoiled_are_told_apart_from_operations():
    model = Spoils(nn.Identity())
    model.last.weight.data[0, 0] = float("nan")
    found = searched(model)
    assert (found.layer, found.direction) == ("last", "update")


def test_bad_input_is_told():
    found = searched(Spoils(nn.Identity()), torch.full((5, 3), float("nan")))
    assert (found.layer, found.direction) == ("input", "input")


def test_looking_again_changes_nothing():
    model = Spoils(nn.Sequential(nn.Dropout(0.5), Inside()))
    before = {name: one.clone() for name, one in model.state_dict().items()}
    random, x = torch.get_rng_state(), torch.ones(5, 3)
    assert searched(model, x).operation == "log"
    assert all(torch.equal(one, before[name]) for name, one in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert not any(one._forward_hooks for one in model.modules())


def back(model):
    x = torch.randn(5, 3)
    return first_birth_back(model, dict(model.named_modules()), ((x,), {}, torch.get_rng_state()), 30)


@pytest.mark.parametrize(
    ("spoil", "layer", "operation"),
    [
        (lambda x: x + torch.sqrt(x * 0), "last", "mul, sqrt, add, linear"),
        (nn.Sequential(nn.Tanh(), Root(), nn.Tanh()), "spoil.2", "mul, sqrt, tanh"),
    ],
)
def test_gradients_that_break_on_the_way_back_name_their_place(spoil, layer, operation):
    model = Spoils(spoil)
    before = {name: one.clone() for name, one in model.state_dict().items()}
    found = back(model)
    assert (found.step, found.layer, found.operation, found.direction) == (30, layer, operation, "backward")
    assert all(torch.equal(one, before[name]) for name, one in model.state_dict().items())
    assert all(one.grad is None for one in model.parameters())


def test_finite_gradients_have_no_birth():
    assert back(Spoils(nn.Dropout(0.5))) is None


def test_a_finite_forward_has_no_birth():
    assert searched(Spoils(nn.Dropout(0.5))) is None


def test_what_follows_the_model_is_read_from_the_graph():
    out = nn.Linear(3, 2)(torch.ones(1, 3))
    loss = torch.log(out.sum() - 100).mean()
    assert born_behind(loss, out.grad_fn._sequence_nr()) == "sum, sub, log, mean"


def test_tensors_of_a_nest():
    nest = {"a": torch.ones(2), "b": [torch.ones(1, dtype=torch.int64), (torch.zeros(1),)]}
    assert len(tensors(nest)) == 2 and not is_bad(tensors(nest))
    assert is_bad(tensors({"a": [torch.tensor(float("inf"))]}))


def test_what_cannot_run_again_is_told_by_its_output():
    again = Again(nn.Module(), {})
    assert again.forward(((torch.ones(2),), {}, None), 3, None) == Birth(3, "output")
    assert again.backward(((torch.ones(2),), {}, None), 3) is None and not again.running
