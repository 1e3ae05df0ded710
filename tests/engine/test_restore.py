import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pellucid.core.errors import ModelFailed
from pellucid.engine.looker import Looker
from pellucid.engine.passes import OUTPUT, Pass
from pellucid.engine.restore import Snapshot, pristine, random_state_kept, seed_everything
from pellucid.inputs.read import read
from tests.contract import state
from tests.engine.asking import ask, see
from tests.networks import NETWORKS

FAULTS = [RuntimeError, KeyboardInterrupt, SystemExit, torch.OutOfMemoryError]


class Rich(nn.Module):
    """Buffers that a forward writes and replaces, dropout, random numbers, a `.grad`, a frozen parameter."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.drop, self.fc = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Linear(4, 3)
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))
        self.register_buffer("last", torch.full((4,), float("nan")))
        self.fc.weight.grad = torch.ones(3, 4)
        self.fc.bias.requires_grad_(False)
        self.fault = lambda place, tensor: None

    def forward(self, x):
        self.calls += 1
        x = self.norm(self.conv(x))
        self.fault("conv", x)
        x = self.drop(F.relu(x))
        self.last = x.detach().mean((0, 2, 3)) + random.random() + np.random.rand()
        self.fault("relu", x)
        return self.fc(x.mean((2, 3)))


def rich():
    torch.manual_seed(0)
    model = Rich().train()
    model.norm.eval()
    model.conv.register_forward_hook(lambda *_: None)
    return model


X = torch.randn(2, 3, 6, 6)


def looked(model, x=X):
    """Passes of every sort in one look."""
    read_x = read(x)
    return ask(
        model,
        Pass(read_x, keep=["*", "/relu.0", "conv:in"]),
        Pass(read_x, keep=[OUTPUT], state={"fc.weight": torch.zeros(3, 4)}),
    )


def looked_twice(model):
    """Forwards, then a backward."""
    looked(model)
    see(model, X, grads=["input", "conv:weight"], target=1)


def test_an_undisturbed_look_leaves_everything():
    model = rich()
    before = state.of_everything(model, X)
    looked(model)
    see(model, X, grads=["input", "conv", "*:weight", "fc:bias"], target=1)
    assert not state.changed(before, state.of_everything(model, X))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("place", ["conv", "relu", "backward"])
def test_a_fault_in_the_model(fault, place):
    def raise_it(*_):
        raise fault("planted")

    def at(here, tensor):
        if here == place:
            raise_it()
        if here == "relu" and place == "backward" and tensor.requires_grad:
            tensor.register_hook(raise_it)

    model = rich()
    model.fault = at
    before = state.of_everything(model, X)
    with pytest.raises(BaseException, match=r"planted|^$") as caught:  # memory that ran out has no words of its own
        looked_twice(model)
    assert issubclass(fault, Exception) or type(caught.value) is fault, "interrupts always propagate"
    assert not state.changed(before, state.of_everything(model, X))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("hook", ["_enter", "_leave"])
@pytest.mark.parametrize("call", [0, 2, 4])
def test_a_fault_in_each_hook_of_the_engine_itself(monkeypatch, fault, hook, call):
    from pellucid.engine.intercept import Intercept

    original, left = getattr(Intercept, hook), [call]

    def faulty(self, *args):
        left[0] -= 1
        if left[0] == -1:
            raise fault("planted")
        return original(self, *args)

    model = rich()
    before = state.of_everything(model, X)
    monkeypatch.setattr(Intercept, hook, faulty)
    with pytest.raises((ModelFailed, fault, Exception)):
        see(model, X, grads=["input"], target=0)
    monkeypatch.undo()
    assert left[0] < 0 and not state.changed(before, state.of_everything(model, X))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("installed", [0, 3, 7])
def test_a_fault_while_hooks_are_installed(monkeypatch, fault, installed):
    model, left = rich(), [installed]
    original = nn.Module.register_forward_pre_hook

    def faulty(self, *args, **kwargs):
        left[0] -= 1
        if left[0] < 0:
            raise fault("planted")
        return original(self, *args, **kwargs)

    before = state.of_everything(model, X)
    monkeypatch.setattr(nn.Module, "register_forward_pre_hook", faulty)
    if installed < 5:
        with pytest.raises(fault):
            see(model, X, keep=[OUTPUT])
    else:
        see(model, X, keep=[OUTPUT])
    monkeypatch.undo()
    assert not state.changed(before, state.of_everything(model, X))


def test_buffers_and_random_numbers_start_alike_in_every_forward():
    network = NETWORKS["counts_calls"]
    model, x = network.build(), network.x(2)
    expected = network.build()(x).detach()
    looker = Looker(model)
    for _ in range(2):
        assert torch.equal(see(looker, x, keep=[OUTPUT])[OUTPUT], expected)
    x2 = read(network.x(1))
    seen, cost = ask(
        looker, Pass(read(x), keep=[OUTPUT]), Pass(x2, keep=[OUTPUT]), Pass(read(x), keep=[OUTPUT], edits=())
    )
    assert cost.forwards == 2 and torch.equal(seen[0][OUTPUT], expected) and model.calls == 0
    assert torch.equal(seen[1][OUTPUT], network.build()(network.x(1)).detach()), "the second forward of one look"


def test_the_same_seed_gives_the_same_random_numbers():
    drops = NETWORKS["always_drops"]
    one, two = (see(drops.build(), drops.x(2), keep=[OUTPUT])[OUTPUT] for _ in range(2))
    torch.manual_seed(99)
    assert torch.equal(one, two) and torch.equal(one, see(drops.build(), drops.x(2), keep=[OUTPUT])[OUTPUT])
    draws = []
    with random_state_kept():
        for _ in range(2):
            seed_everything(3)
            draws.append((torch.rand(2).tolist(), random.random(), np.random.rand()))
    assert draws[0] == draws[1]


def test_a_model_that_writes_its_own_parameters_is_refused_by_name():
    class Learns(nn.Linear):
        def forward(self, x):
            with torch.no_grad():
                self.weight.mul_(0.9)
            return super().forward(x)

    with pytest.raises(ModelFailed, match="writes into its own parameter 'weight'") as caught:
        see(Learns(3, 2), torch.randn(1, 3), keep=[OUTPUT])
    assert "deepcopy" in caught.value.hint


def test_a_buffer_that_was_resized_or_replaced_comes_back():
    model = nn.BatchNorm1d(3)
    before = {name: value.clone() for name, value in model.named_buffers()}
    held = dict(model.named_buffers())
    snapshot = Snapshot(model)
    model.running_mean.resize_(5).fill_(3)
    model.running_var = torch.zeros(3)
    model.num_batches_tracked.data.add_(1)
    snapshot.restore()
    assert all(value is held[name] and torch.equal(value, before[name]) for name, value in model.named_buffers())


def test_gradients_and_flags_come_back():
    model = nn.Linear(2, 2)
    grad = model.weight.grad = torch.ones(2, 2)
    snapshot = Snapshot(model)
    model.weight.grad, model.bias.grad = None, torch.ones(2)
    model.bias.requires_grad_(False)
    model.eval()
    snapshot.restore()
    assert model.weight.grad is grad and model.bias.grad is None and model.bias.requires_grad and model.training


def test_each_sub_modules_mode_is_its_own():
    model = rich()
    with pristine(model):
        assert not any(module.training for module in model.modules())
    assert model.training and not model.norm.training and model.drop.training
    with pristine(model, evaluate=False):
        assert model.training


@pytest.mark.parametrize("same", [True, False])
def test_looks_wait_for_each_other(same):
    from threading import Thread

    model, order = nn.Linear(2, 2), []
    other = model if same else nn.Linear(2, 2)

    def look():
        with pristine(other):
            order.append("in")

    with pristine(model):
        thread = Thread(target=look)
        thread.start()
        thread.join(0.05)
        order.append("out")
    thread.join(5)
    assert order == ["out", "in"]


def test_parameters_of_a_module_with_two_names_come_back():
    layer = nn.Linear(3, 3)
    model, weight = nn.Sequential(layer, nn.ReLU(), layer), layer.weight
    x = torch.ones(2, 3)
    changed, plain = (see(model, x, keep=[OUTPUT], state=state) for state in ({"0.weight": torch.zeros(3, 3)}, None))
    assert (
        layer.weight is weight and torch.equal(plain[OUTPUT], model(x)) and not torch.equal(changed[OUTPUT], model(x))
    )
