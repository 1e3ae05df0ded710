"""What Lightning calls, by a stand-in with its names: the library is no dependency of the tests."""

import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import nn

from pellucid.core.errors import BadRequest
from pellucid.integrations import lightning
from pellucid.integrations.lightning import lightning_callback

torch.set_num_threads(1)


@pytest.fixture
def installed(monkeypatch):
    made = ModuleType("lightning.pytorch")
    made.Callback = object
    monkeypatch.setitem(sys.modules, "lightning", ModuleType("lightning"))
    monkeypatch.setitem(sys.modules, "lightning.pytorch", made)
    monkeypatch.setattr(lightning, "find_spec", lambda name: name == "lightning" or None)


@pytest.mark.parametrize("error", [None, ValueError("stop")])
def test_a_training_is_watched(installed, error):
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    callback, trainer = lightning_callback(every=1), SimpleNamespace(callback_metrics={"loss": torch.tensor(0.5)})
    callback.on_train_start(trainer, model)
    for i in range(3):
        model(torch.randn(1, 2)).sum().backward()
        optimizer.step()
        callback.on_train_batch_end(trainer, model, None, None, i)
    callback.on_train_end(trainer, model) if error is None else callback.on_exception(trainer, model, error)
    run = callback.watcher.run
    assert run.steps.tolist() == [0, 1, 2] and run.metrics["loss"].values.tolist() == [0.5] * 3
    assert run.state == ("finished" if error is None else "ValueError: stop")


def test_without_lightning_the_reason_is_told(monkeypatch):
    monkeypatch.setattr(lightning, "find_spec", lambda name: None)
    with pytest.raises(BadRequest, match="not installed"):
        lightning_callback()
