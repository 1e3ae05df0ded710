import numpy as np

from pellucid.engine.monitor.history import History, read_run
from pellucid.engine.monitor.log import Log
from pellucid.engine.monitor.sample import Logged, Row, Sample, Told
from pellucid.engine.monitor.sink import Sink


def filled(sink, steps=50):
    sink.put(Told(rows=(Row("a", "Linear"),), every=(1, 1)))
    for step in range(steps):
        sink.put(Sample(step, 0.0, {"gradient": np.array([float(step)])}))
        sink.put(Logged(step, "loss", float(step)))


def test_memory_and_folder_hold_the_same(tmp_path):
    history = History()
    sink = Sink(history, Log(tmp_path, {}))
    filled(sink)
    sink.close("finished")
    found = read_run(tmp_path)
    np.testing.assert_array_equal(found.grid("gradient").values, history.grid("gradient").values)
    assert found.state == history.state == "finished" and len(found.metrics["loss"].steps) == 50


def test_a_disk_that_fails_does_not_stop_anything(tmp_path, monkeypatch, caplog):
    log = Log(tmp_path, {})

    def full(content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(log, "append", full)
    sink = Sink(History(), log)
    filled(sink)
    sink.close("finished")
    assert "No space left" in sink.error and len(sink.history.samples) == 50
    assert "No space left" in caplog.text and sink.history.state == "finished"
    assert "from step 0 on" in sink.history.notes[0].en and "自第 0 步起" in sink.history.notes[0].zh
    found = read_run(tmp_path)
    assert found.state == "unwritten" and "No space left" in found.notes[0].en


def test_memory_alone():
    sink = Sink(History())
    filled(sink)
    sink.close("interrupted")
    assert sink.history.state == "interrupted"
