"""Identities of what is measured; and that measuring changes nothing."""

import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pellucid.engine.monitor.budget import Budget
from pellucid.engine.monitor.history import History
from pellucid.engine.monitor.monitor import Monitor

torch.set_num_threads(1)


def watching(model, optimizer=None, every=1, **given):
    history = History()
    several = [] if optimizer is None else [optimizer]
    made = Monitor(model, several, lambda item: history.add((item,)), Budget(0.01, every), **given)
    return made, history


def trained(model, optimizer, history_of, steps, x, loss):
    for _ in range(steps):
        optimizer.zero_grad()
        loss(model(x)).backward()
        optimizer.step()
    return history_of


def once(model, loss, x, lr=0.1):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    made, history = watching(model, optimizer)
    made.open()
    trained(model, optimizer, history, 1, x, loss)
    made.close()
    assert not made.guard.error
    return history


def orthogonal(count, scale, size=8):
    layers = [nn.Linear(size, size, bias=False).double() for _ in range(count)]
    for layer in layers:
        nn.init.orthogonal_(layer.weight)
        layer.weight.data *= scale
    return nn.Sequential(*layers)


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_a_stack_of_orthogonal_layers_gives_its_factor(scale):
    history = once(orthogonal(6, scale), lambda out: out.sum(), torch.randn(4, 8, dtype=torch.float64))
    flow = history.grid("flow").values[0]
    np.testing.assert_allclose(flow[:-1] / flow[1:], scale, rtol=1e-12)


@pytest.mark.parametrize("weight", [1.0, -2.0])
def test_a_chain_of_sigmoids_at_zero_gives_a_quarter_of_the_weight(weight):
    layers = []
    for _ in range(5):
        layer = nn.Linear(1, 1).double()
        layer.weight.data.fill_(weight)
        layer.bias.data.fill_(-weight * 0.5 if layers else 0.0)
        layers += [layer, nn.Sigmoid()]
    history = once(nn.Sequential(*layers), lambda out: out.sum(), torch.zeros(1, 1, dtype=torch.float64))
    grid = history.grid("flow")
    flow = grid.values[0][[i for i, name in enumerate(grid.layers) if int(name) % 2]]
    np.testing.assert_allclose(flow[:-1] / flow[1:], abs(weight) / 4, rtol=1e-12)


def test_a_step_of_descent_moves_by_rate_times_gradient():
    history = once(orthogonal(3, 1.0), lambda out: out.pow(2).mean(), torch.randn(4, 8, dtype=torch.float64), lr=0.25)
    gradient, update = history.grid("gradient"), history.grid("update")
    np.testing.assert_allclose(update.values, 0.25 * gradient.values, rtol=1e-12)
    assert history.facts("rate.0").values.tolist() == [0.25]


def test_scaling_the_loss_scales_every_gradient():
    model, x = orthogonal(3, 0.9), torch.randn(4, 8, dtype=torch.float64)
    plain = once(copy.deepcopy(model), lambda out: out.pow(2).sum(), x)
    scaled = once(copy.deepcopy(model), lambda out: 7 * out.pow(2).sum(), x)
    for name in ("flow", "gradient", "update"):
        np.testing.assert_allclose(scaled.grid(name).values, 7 * plain.grid(name).values, rtol=1e-12)
    np.testing.assert_array_equal(scaled.grid("std").values, plain.grid("std").values)


def test_numbers_are_those_of_the_tensors():
    model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3), nn.Tanh())
    model[0].bias.data[2] = -100.0  # never above zero
    x = torch.randn(16, 6)
    hidden = model[1](model[0](x)).detach()
    out = model(x).detach()
    before = [one.detach().clone() for one in model.parameters()]
    history = once(model, lambda out: out.pow(2).sum(), x)
    grid = {name: history.grid(name) for name in ("mean", "std", "dead", "saturated", "weight", "gradient")}
    at = {name: one.layers for name, one in grid.items()}
    assert at["mean"] == ("0", "1", "2", "3") and at["dead"] == ("1",) and at["saturated"] == ("3",)
    assert grid["mean"].values[0, 1] == pytest.approx(float(hidden.mean()), rel=1e-6)
    assert grid["std"].values[0, 1] == pytest.approx(float(hidden.std(unbiased=False)), rel=1e-5)
    dead = float((hidden.amax(0) <= 0).float().mean())
    assert dead >= 0.2 and grid["dead"].values[0, 0] == pytest.approx(dead)
    assert grid["saturated"].values[0, 0] == pytest.approx(float((out.abs() >= 0.98).float().mean()))
    assert grid["weight"].values[0, 0] == pytest.approx(
        math.hypot(*(float(one.norm()) for one in before[:2])), rel=1e-6
    )


def net():
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Flatten(), nn.Linear(216, 4)
    )


@pytest.mark.parametrize("optimizer", ["SGD", "AdamW", "LBFGS"])
def test_weights_are_bit_identical_with_and_without(optimizer):
    results = []
    for watch in (False, True, None):
        torch.manual_seed(3)
        model = net()
        steps = getattr(torch.optim, optimizer)(model.parameters(), lr=0.01)
        made, _ = watching(model, steps, every=1 if watch else "auto")
        if watch is not False:
            made.open()
        for _ in range(8):
            x, labels = torch.randn(8, 3, 8, 8), torch.randint(4, (8,))

            def closure(x=x, labels=labels, model=model, steps=steps, made=made, watch=watch):
                steps.zero_grad()
                loss = F.cross_entropy(model(x), labels)
                loss.backward()
                if watch is not False:
                    made.log({"loss": loss})
                return loss

            steps.step(closure)
        if watch is not False:
            made.close()
            assert not made.guard.error
        results.append({**model.state_dict(), "rng": torch.get_rng_state()})
    for other in results[1:]:
        assert all(torch.equal(results[0][name], other[name]) for name in results[0])


def hooks_of(model, optimizer):
    kept = [name for name in vars(nn.Module()) if "hooks" in name]
    found = [one for each in model.modules() for name in kept if (one := getattr(each, name, None))]
    return found + [one for one in (optimizer._optimizer_step_pre_hooks, optimizer._optimizer_step_post_hooks) if one]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_the_model_is_left_as_found_after_any_error(error):
    class Raises(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.count = nn.Linear(3, 3), 0

        def forward(self, x):
            self.count += 1
            if self.count == 3:
                raise error
            return torch.relu(self.fc(x))

    model = nn.Sequential(nn.Linear(3, 3), Raises())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    made, history = watching(model, optimizer)
    made.open()
    with pytest.raises(error):
        trained(model, optimizer, history, 5, torch.randn(2, 3), lambda out: out.sum())
    made.close()
    assert not hooks_of(model, optimizer) and not torch.overrides._get_current_function_mode_stack()
    assert history.steps.tolist() == [0, 1]


def test_training_goes_on_after_an_error_that_the_user_caught():
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    made, history = watching(model, optimizer)
    made.open()
    for _ in range(3):
        with pytest.raises(RuntimeError):
            model(torch.randn(2, 4))
        trained(model, optimizer, history, 1, torch.randn(2, 3), lambda out: out.sum())
    made.close()
    assert not hooks_of(model, optimizer) and not made.guard.error
    assert history.steps.tolist() == [0, 1, 2] and not torch.overrides._get_current_function_mode_stack()


def test_a_fault_of_the_monitor_ends_it_with_one_warning(monkeypatch):
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    made, history = watching(model, optimizer)

    def broken(*_, **__):
        raise RuntimeError("broken")

    monkeypatch.setattr(made.parameters, "before", broken)
    made.open()
    with pytest.warns(RuntimeWarning, match="broken") as told:
        trained(model, optimizer, history, 3, torch.randn(2, 3, 8, 8), lambda out: out.sum())
    made.close()
    assert len(told) == 1 and not hooks_of(model, optimizer)


def test_accumulated_gradients_are_one_step():
    model = orthogonal(2, 1.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    made, history = watching(model, optimizer)
    made.open()
    for _ in range(3):
        optimizer.zero_grad()
        total = [torch.zeros_like(one) for one in model.parameters()]
        for _ in range(4):
            model(torch.randn(2, 8, dtype=torch.float64)).sum().backward()
        total = [one.grad.clone() for one in model.parameters()]
        optimizer.step()
    made.close()
    assert history.facts("forwards").values.tolist() == [4, 4, 4]
    np.testing.assert_allclose(history.grid("gradient").values[-1], [float(one.norm()) for one in total], rtol=1e-12)


def test_several_optimizers_step_once_each():
    model = orthogonal(2, 1.0)
    several = [torch.optim.SGD(model[0].parameters(), lr=0.1), torch.optim.SGD(model[1].parameters(), lr=0.2)]
    history = History()
    made = Monitor(model, several, lambda item: history.add((item,)), Budget(0.01, 1))
    made.open()
    for _ in range(3):
        model(torch.randn(2, 8, dtype=torch.float64)).sum().backward()
        for one in several:
            one.step()
    made.close()
    assert history.steps.tolist() == [0, 1, 2]
    ratio = history.grid("update").values / history.grid("gradient").values
    np.testing.assert_allclose(ratio, [[0.1, 0.2]] * 3, rtol=1e-9)
    assert history.facts("rate.1.0").values.tolist() == [0.2] * 3


@pytest.mark.parametrize("given", [True, False])
def test_the_optimizer_need_not_be_named(given):
    model, other = orthogonal(2, 1.0), orthogonal(1, 1.0)
    optimizer, stranger = (torch.optim.SGD(one.parameters(), lr=0.1) for one in (model, other))
    made, history = watching(model, optimizer if given else None)
    made.open()
    for _ in range(3):
        other(torch.randn(2, 8, dtype=torch.float64)).sum().backward()
        stranger.step()
        trained(model, optimizer, history, 1, torch.randn(2, 8, dtype=torch.float64), lambda out: out.sum())
    made.close()
    assert history.steps.tolist() == [0, 1, 2]


def test_the_scale_of_mixed_precision_is_divided_out():
    x = torch.randn(4, 8)
    plain = once(orthogonal(3, 0.5).float(), lambda out: out.pow(2).sum(), x)
    histories = []
    for scaled in (False, True):
        torch.manual_seed(1)
        model = orthogonal(3, 0.5).float()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, enabled=scaled)
        made, history = watching(model, optimizer)
        made.open()
        for _ in range(2):
            optimizer.zero_grad()
            scaler.scale(model(x).pow(2).sum()).backward()
            scaler.step(optimizer)
            scaler.update()
        made.close()
        histories.append(history)
    bare, scaled = histories
    assert scaled.facts("scale").values.tolist() == [1024.0] * 2 and plain.facts("scale").values.size == 0
    for name in ("flow", "gradient", "update"):
        np.testing.assert_allclose(scaled.grid(name).values, bare.grid(name).values, rtol=1e-5)


def test_frozen_and_uncalled_layers_have_weights_and_no_gradient():
    class Parts(nn.Module):
        def __init__(self):
            super().__init__()
            self.frozen, self.used, self.unused = (nn.Linear(3, 3) for _ in range(3))
            self.frozen.requires_grad_(requires_grad=False)

        def forward(self, x):
            return self.used(self.frozen(x))

    model = Parts()
    history = once(model, lambda out: out.sum(), torch.randn(2, 3))
    assert set(history.grid("weight").layers) == {"frozen", "used", "unused"}
    assert history.grid("gradient").layers == ("used",) and history.grid("mean").layers == ("frozen", "used")
    assert [row.address for row in history.rows if row.frozen] == ["frozen"]


def test_modules_called_twice_are_two_places_with_one_weight():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 3)

        def forward(self, x):
            return self.fc(torch.tanh(self.fc(x)))

    history = once(Twice(), lambda out: out.sum(), torch.randn(2, 3))
    assert history.grid("flow").layers == ("fc", "/tanh.0", "fc#1") and history.grid("gradient").layers == ("fc",)


def test_evaluation_is_no_step_and_is_not_looked_at():
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    made, history = watching(model, optimizer)
    made.open()
    for _ in range(2):
        trained(model, optimizer, history, 1, torch.randn(2, 3, 8, 8), lambda out: out.sum())
        made.log({"loss": torch.tensor(0.5)})
        with torch.no_grad():
            model(torch.randn(2, 3, 8, 8))
        made.log({"val_loss": 1.0})
    made.close()
    assert history.facts("forwards").values.tolist() == [1, 1]
    assert history.metrics["loss"].steps.tolist() == history.metrics["val_loss"].steps.tolist() == [0, 1]


def test_a_checkpointed_forward_is_seen_once():
    from torch.utils.checkpoint import checkpoint

    class Saves(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, x):
            return self.b(checkpoint(self.a, x, use_reentrant=False))

    history = once(Saves(), lambda out: out.sum(), torch.randn(2, 3))
    assert history.grid("mean").layers == ("a", "b") == history.grid("flow").layers


class Halves(nn.Module):
    """Parts that a training calls one after the other, never the whole."""

    def __init__(self):
        super().__init__()
        self.first, self.rest = nn.Sequential(nn.Linear(4, 6), nn.Tanh()), nn.ModuleList([nn.Linear(6, 2)])
        self.frozen = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))

    def loss(self, x):
        with torch.no_grad():
            x = self.frozen(x)
        return self.rest[0](self.first(x)).sum()


def test_parts_that_are_called_without_the_whole_are_seen():
    history_of = []
    for whole in (False, True):
        torch.manual_seed(0)
        model = Halves()
        model.forward = model.loss
        optimizer = torch.optim.SGD([*model.first.parameters(), *model.rest.parameters()], lr=0.1)
        made, history = watching(model, optimizer)
        made.open()
        trained(model if whole else model.loss, optimizer, history, 5, torch.randn(3, 4), lambda loss: loss)
        assert set(made.forwards.entries.handles) == ({""} if whole else {"", "first", "rest.0"})
        made.close()
        assert not made.guard.error and not hooks_of(model, optimizer)
        history_of.append(history)
    parts, whole = history_of
    for statistic in ("flow", "std", "gradient"):
        one, other = parts.grid(statistic), whole.grid(statistic)
        shared = [other.layers.index(name) for name in one.layers]
        np.testing.assert_array_equal(one.values, other.values[:, shared])
    assert parts.grid("std").layers == ("first.0", "first.1", "rest.0")
    assert set(whole.grid("std").layers) == {*parts.grid("std").layers, "frozen.0"}
    assert parts.facts("forwards").values.tolist() == [1.0] * 5


def test_a_part_that_gives_what_is_not_finite_is_named():
    model = Halves()
    model.rest[0].weight.data.fill_(3e38)
    optimizer = torch.optim.SGD([*model.first.parameters(), *model.rest.parameters()], lr=0.1)
    made, history = watching(model, optimizer, every=100)
    made.open()
    trained(model.loss, optimizer, history, 2, 9 * torch.ones(3, 4), lambda loss: loss)
    made.close()
    assert (history.born.step, history.born.layer, history.born.operation) == (0, "rest.0", "linear")
