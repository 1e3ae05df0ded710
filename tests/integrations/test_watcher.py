import subprocess
import sys

import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.integrations.watcher import Watcher

torch.set_num_threads(1)


def stepped(watcher, model, count=3):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher.begin(model, optimizer)
    for _ in range(count):
        model(torch.randn(1, 2)).sum().backward()
        optimizer.step()


def test_only_numbers_are_logged():
    watcher = Watcher({"every": 1})
    watcher.log({"loss": 1.0})  # nothing has begun
    stepped(watcher, nn.Linear(2, 2))
    watcher.log(
        {"loss": torch.tensor(0.5), "share": torch.tensor([0.25]), "words": "a", "many": torch.zeros(2), "n": 3}
    )
    watcher.end()
    watcher.log({"loss": 1.0})  # everything is over
    found = {name: (curve.steps.tolist(), curve.values.tolist()) for name, curve in watcher.run.metrics.items()}
    assert found == {"loss": ([2], [0.5]), "share": ([2], [0.25]), "n": ([2], [3.0])}


def test_settings_win_over_the_step_of_a_checkpoint():
    for given, first in (({}, 7), ({"start": 3}, 3)):
        watcher = Watcher({"every": 1, **given})
        watcher.begin(nn.Linear(2, 2), start=7)
        watcher.run.end_step()
        watcher.end()
        assert watcher.run.steps.tolist() == [first]


@pytest.mark.parametrize(("last", "state"), [(None, "interrupted"), (ValueError("stop"), "ValueError: stop")])
def test_what_ends_without_a_word_ends_with_the_last_error(monkeypatch, last, state):
    monkeypatch.setattr(sys, "last_value", last, raising=False)
    model, watcher = nn.Linear(2, 2), Watcher({"every": 1})
    stepped(watcher, model)
    first = watcher.run
    watcher.begin(model)
    assert first.state == state and first.steps.tolist() == [0, 1, 2] and watcher.run is not first
    watcher.end()
    watcher.abandon()
    assert watcher.run.state == "finished" and not model._forward_hooks


def test_an_error_that_ends_python_is_told(tmp_path):
    code = f"""
from torch import nn
from tests.integrations.test_watcher import Watcher, stepped
stepped(Watcher({{"every": 1, "folder": {str(tmp_path / "run")!r}}}), nn.Linear(2, 2))
raise ValueError("no such word")
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=False)
    assert ended.returncode == 1 and "no such word" in ended.stderr
    run = pl.Run.open(tmp_path / "run")
    assert run.state == "ValueError: no such word" and run.steps.tolist() == [0, 1, 2]
