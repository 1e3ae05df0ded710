import torch
from torch.amp import GradScaler

from pellucid.engine.monitor.scaling import calling_scaler, scale_of


def test_the_scale_is_read_before_and_after_the_first_use():
    scaler = GradScaler("cpu", init_scale=16.0)
    assert float(scale_of(scaler)) == 16.0
    scaler.scale(torch.tensor(1.0))
    held = scale_of(scaler)
    scaler.update(4.0)
    assert float(held) == 16.0 and float(scale_of(scaler)) == 4.0
    assert scale_of(None) is None and scale_of(GradScaler("cpu", enabled=False)) is None


def test_the_scaler_that_calls_an_optimizer_is_found():
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer, scaler, found = torch.optim.SGD([weight], lr=0.1), GradScaler("cpu"), []
    optimizer.register_step_pre_hook(lambda *_: found.append(calling_scaler()))
    scaler.scale(weight.sum()).backward()
    scaler.step(optimizer)
    optimizer.step()
    assert found == [scaler, None]
