import pytest
import torch
from torch import nn
from torch.amp import GradScaler

from pellucid.engine.monitor.budget import Budget
from pellucid.engine.monitor.history import History
from pellucid.engine.monitor.monitor import Monitor
from pellucid.engine.monitor.scaling import ScalerHook, scale_of


def test_the_scale_is_read_before_and_after_the_first_use():
    scaler = GradScaler("cpu", init_scale=16.0)
    assert float(scale_of(scaler)) == 16.0
    scaler.scale(torch.tensor(1.0))
    held = scale_of(scaler)
    scaler.update(4.0)
    assert float(held) == 16.0 and float(scale_of(scaler)) == 4.0
    assert scale_of(None) is None and scale_of(GradScaler("cpu", enabled=False)) is None


@pytest.mark.parametrize("bad", [False, True])
def test_steps_that_a_scaler_is_asked_for_are_told_whether_it_skips_them_or_not(bad):
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer, scaler, told = torch.optim.SGD([weight], lr=0.1), GradScaler("cpu"), []
    optimizer.register_step_pre_hook(lambda *_: told.append("stepped"))
    plain = GradScaler.step
    hook = ScalerHook(lambda *given: told.append(given), lambda *given: told.append(given))
    scaler.scale(weight.sum() * (float("inf") if bad else 1.0)).backward()
    scaler.step(optimizer)
    hook.remove()
    scaler.update()
    scaler.scale(weight.sum()).backward()
    assert told == [(scaler, optimizer), *([] if bad else ["stepped"]), (optimizer,)]
    assert GradScaler.step is plain


@pytest.mark.parametrize("first", [0, 1])
def test_hooks_are_taken_off_in_any_order(first):
    plain, several = GradScaler.step, [ScalerHook(lambda *_: None, lambda *_: None) for _ in range(2)]
    several.pop(first).remove()
    several.pop().remove()
    assert GradScaler.step is plain


class Overflows(nn.Module):
    """Half precision between two layers: on the way back what is above 65,504 is not finite."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 4), nn.Linear(4, 1)

    def forward(self, x):
        return self.last(self.first(x).half().float())


def scaled(steps, every, scale, **given):
    """A training with a scaler; the history, and which steps it skipped in truth."""
    torch.manual_seed(0)
    model, history = Overflows(), History()
    nn.init.constant_(model.last.weight, 1.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, **given)
    scaler = GradScaler("cpu", init_scale=scale, growth_interval=4)
    monitor = Monitor(model, [optimizer], lambda item: history.add((item,)), Budget(0.01, every))
    monitor.open()
    skipped = []
    for step in range(steps):
        optimizer.zero_grad()
        loss = model(torch.randn(8, 4)).sum()
        scaler.scale(loss).backward()
        before = model.last.weight.detach().clone()
        scaler.step(optimizer)
        scaler.update()
        if torch.equal(before, model.last.weight):
            skipped.append(step)
        monitor.log({"loss": loss})
    monitor.close()
    assert not monitor.guard.error and GradScaler.step.__module__ == "torch.amp.grad_scaler"
    return history, skipped


@pytest.mark.parametrize("every", [1, 3, 100])
@pytest.mark.parametrize("fused", [False, True])
def test_steps_that_the_scaler_skips_are_steps_and_are_told(every, fused):
    history, skipped = scaled(24, every, 2.0**20, fused=fused)
    assert skipped[:3] == [0, 1, 2] and 10 < skipped[-1] < 24 and len(skipped) < 14
    assert list(history.skipped) == skipped and history.born is None
    assert history.metrics["loss"].steps.tolist() == list(range(24))
    assert history.steps.tolist() == list(range(0, 24, every))
    assert set(history.facts("forwards").values.tolist()) == {1.0}
    placed = {one.step: one.layer for one in history.births}
    assert placed[0] == "first"
