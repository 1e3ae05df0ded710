import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.core.errors import BadInput, BadRequest
from pellucid.engine.monitor import chunk
from pellucid.engine.monitor.chunk import pack, unpack
from pellucid.engine.monitor.sample import Birth, Logged, Row, Sample, Told

ROWS = (Row("conv1", "Conv2d", 9, True), Row("/relu.0", "relu"))
TOLD = Told(rows=ROWS, order=(1, 0), every=(2, 7), note=("a", "甲"))


def test_items_come_back_as_they_were():
    column = np.array([1.5, np.nan], np.float64)
    items = [
        TOLD,
        Sample(3, 0.25, {"gradient": column}, {"scale": 8.0}),
        Sample(4, 0.5, {"gradient": column[:1], "dead": column * 2}),
        Logged(3, "loss", 0.125),
        Logged(4, "val_loss", float("nan")),
        Birth(4, "fc", "log", "forward", 2),
    ]
    found = unpack(pack(items, np.float64))
    assert found[0] == TOLD and found[-1] == items[-1]
    first, second = (one for one in found if isinstance(one, Sample))
    assert (first.step, first.seconds, first.facts) == (3, 0.25, {"scale": 8.0}) and second.facts == {}
    np.testing.assert_array_equal(first.columns["gradient"], column)
    assert "dead" not in first.columns
    np.testing.assert_array_equal(second.columns["gradient"], [1.5, np.nan])  # shorter ones are filled up
    logged = [one for one in found if isinstance(one, Logged)]
    assert logged[0] == items[3] and logged[1].step == 4 and np.isnan(logged[1].value)


@given(st.lists(st.tuples(st.integers(0, 10**9), st.floats(allow_nan=False)), max_size=20))
def test_metrics_keep_every_bit(pairs):
    items = [Logged(step, "loss", value) for step, value in pairs]
    assert unpack(pack(items)) == items


@pytest.mark.parametrize("content", [b"", b"\x00" * 40, b"{}", pack([TOLD])[:-1] + b"x" * 3])
def test_other_bytes_are_refused(content):
    with pytest.raises(BadInput):
        unpack(content)


def test_newer_versions_are_refused(monkeypatch):
    monkeypatch.setattr(chunk, "SCHEMA", 99)
    content = pack([TOLD])
    monkeypatch.undo()
    with pytest.raises(BadRequest, match="newer"):
        unpack(content)


def test_stored_without_pickle():
    content = pack([TOLD])
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert "conv1" in header["__metadata__"]["pellucid"]
