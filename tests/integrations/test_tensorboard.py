"""What is handed to torch's writer, by a stand-in for it: TensorBoard is no dependency of the tests."""

import sys
from types import ModuleType

import numpy as np
import pytest

from pellucid.core.errors import BadRequest
from pellucid.engine.monitor.history import History
from pellucid.engine.monitor.sample import Birth, Logged, Row, Sample, Told
from pellucid.integrations.tensorboard import to_tensorboard
from pellucid.lens.run import Run


def run():
    history = History()
    history.add([Told(rows=(Row("a", "Linear", 1), Row("b", "Linear", 1)))])
    history.add([Sample(2, 0.0, {"gradient": np.array([1.0, np.nan])}), Logged(2, "loss", 0.5), Birth(2, "a", "log")])
    return Run(history)


def test_every_number_is_written_once(tmp_path, monkeypatch):
    written = []

    class SummaryWriter:
        def __init__(self, folder):
            assert folder == str(tmp_path)

        def add_scalar(self, name, value, step):
            written.append((name, value, step))

        def add_text(self, name, words, step):
            written.append((name, words, step))

        def close(self):
            written.append("closed")

    made = ModuleType("torch.utils.tensorboard")
    made.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", made)
    assert to_tensorboard(run(), tmp_path) == tmp_path
    assert written[:2] == [("loss", 0.5, 2), ("gradient/a", 1.0, 2)] and written[-1] == "closed"
    assert written[2][0] == "events" and "log" in written[2][1] and len(written) == 4


def test_without_tensorboard_the_reason_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(BadRequest, match="not installed"):
        to_tensorboard(run(), tmp_path)
