"""The check overfitting."""

import pytest
from torch import nn

import pellucid as pl
from pellucid.engine.monitor.history import History
from pellucid.engine.monitor.sample import Logged


def history(train, val):
    made = History()
    made.add([Logged(i, "loss", value) for i, value in enumerate(train)])
    made.add([Logged(i, "val_loss", value) for i, value in enumerate(val)])
    return made


@pytest.mark.parametrize(
    ("val", "severity"),
    [
        ([2, 1.2, 1.0, 1.0, 1.2, 1.5, 2.0, 2.0], "high"),
        ([2, 1.2, 1.0, 1.0, 1.1, 1.2, 1.3, 1.3], "medium"),
        ([2, 1.2, 1.0, 0.9, 0.9, 0.8, 0.8, 0.8], None),
    ],
)
def test_rising_validation_is_named(val, severity):
    run = history([2, 1.5, 1.1, 0.8, 0.6, 0.4, 0.3, 0.2], val)
    found = [one for one in pl.Lens(nn.Linear(2, 2)).diagnose(run=run) if one.check == "overfitting"]
    assert [one.severity for one in found] == ([severity] if severity else [])
