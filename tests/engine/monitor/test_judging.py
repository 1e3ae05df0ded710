"""Gradients that break on the way back are told at their own step, whether or not that step is measured."""

import pytest
import torch
from torch import nn

from pellucid.engine.monitor.budget import Budget
from pellucid.engine.monitor.history import History
from pellucid.engine.monitor.monitor import Monitor

torch.set_num_threads(1)


class Root(nn.Module):
    """From the eleventh forward on: zero in the forward, and not finite on the way back."""

    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x):
        self.count += 1
        return x + torch.sqrt(x * 0) if self.count > 10 else x


def trained(every, *, clip=False, spoils=False):
    model, history = nn.Sequential(nn.Linear(4, 8), Root() if not spoils else nn.Identity(), nn.Linear(8, 2)), History()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    monitor = Monitor(model, [optimizer], lambda item: history.add((item,)), Budget(0.01, every))
    monitor.open()
    for step in range(15):
        optimizer.zero_grad()
        out = model(torch.randn(3, 4))
        loss = torch.sqrt((out * 0).sum()) if spoils and step == 10 else out.square().sum()
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        monitor.log({"loss": loss})
    monitor.close()
    assert not monitor.guard.error
    return history.born


@pytest.mark.parametrize("every", [1, 5, 100])
@pytest.mark.parametrize("clip", [False, True])
def test_what_breaks_on_the_way_back_is_told_at_its_step(every, clip):
    born = trained(every, clip=clip)
    assert (born.step, born.layer, born.direction) == (10, "2", "backward")
    assert "sqrt" in born.operation


@pytest.mark.parametrize(("every", "layer"), [(1, "loss"), (100, "")])
def test_what_breaks_behind_the_model_blames_no_layer(every, layer):
    born = trained(every, spoils=True)
    assert (born.step, born.layer) == (10, layer)
