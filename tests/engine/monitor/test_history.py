import subprocess
import sys

import numpy as np
import pytest

from pellucid.core.errors import BadInput, BadRequest
from pellucid.engine.monitor.chunk import pack
from pellucid.engine.monitor.history import History, read_run
from pellucid.engine.monitor.log import Log
from pellucid.engine.monitor.sample import Birth, Logged, Row, Sample, Told
from tests.architecture.source import PACKAGE

ROWS = (Row("a", "Linear", 4), Row("b", "Linear", 4))


def part(folder, start, steps, rows=ROWS, *, state="", resume=False):
    log = Log(folder, {"model": "Net"}, resume=resume)
    column = np.arange(1.0, len(rows) + 1)
    log.append(pack([Told(rows=rows, order=tuple(reversed(range(len(rows)))), every=(1, 1), step=start)]))
    for step in steps:
        log.append(
            pack([Sample(step, float(step), {"gradient": column * step}), Logged(step, "loss", 1.0 / (1 + step))])
        )
    if state:
        log.append(pack([Told(state=state)]))
    log.close()


def test_layers_stand_in_the_order_in_which_they_run(tmp_path):
    part(tmp_path, 0, range(3), state="finished")
    found = read_run(tmp_path)
    grid = found.grid("gradient")
    assert found.layers == grid.layers == ("b", "a") and found.state == "finished" and found.last == 2
    np.testing.assert_array_equal(grid.values, [[0, 0], [2, 1], [4, 2]])
    np.testing.assert_array_equal(found.metrics["loss"].values, [1, 1 / 2, 1 / 3])


def test_what_was_gone_on_with_counts_as_done_last(tmp_path):
    part(tmp_path, 0, range(10))
    assert read_run(tmp_path).state == "killed"
    part(tmp_path, 6, range(6, 8), (Row("c", "Linear", 1), *ROWS), state="finished", resume=True)
    found = read_run(tmp_path)
    np.testing.assert_array_equal(found.steps, range(8))
    grid = found.grid("gradient")
    assert set(grid.layers) == {"a", "b", "c"} and found.state == "finished"
    column = grid.values[:, grid.layers.index("a")]
    np.testing.assert_array_equal(column, [0, 1, 2, 3, 4, 5, 12, 14])
    assert np.isnan(grid.values[0, grid.layers.index("c")])
    np.testing.assert_array_equal(found.metrics["loss"].steps, range(8))


def test_damage_is_told_and_what_stands_behind_it_is_read(tmp_path):
    part(tmp_path, 0, range(10), state="finished")
    (path,) = (tmp_path / "parts").glob("*.log")
    content = bytearray(path.read_bytes())
    place = [i for i in range(len(content)) if content[i : i + 4] == b"plcd"][4]
    content[place + 40] ^= 255
    path.write_bytes(content)
    found = read_run(tmp_path)
    assert found.state == "finished" and found.steps.tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert found.notes[0].en.startswith("The record is damaged after step 2 (000000.log)")
    assert "up to step 4" in found.notes[0].en and "第 2 步之后" in found.notes[0].zh
    np.testing.assert_array_equal(found.grid("gradient").values[3], [8, 4])


def test_places_that_damage_made_unknown_are_not_guessed(tmp_path):
    part(tmp_path, 0, range(10))
    (path,) = (tmp_path / "parts").glob("*.log")
    content = bytearray(path.read_bytes())
    content[40] ^= 255
    path.write_bytes(content)
    found = read_run(tmp_path)
    assert not found.layers and not found.grid("gradient").values.size and len(found.metrics["loss"].steps) == 10
    assert "at its beginning" in found.notes[0].en and found.state == "killed"


def test_what_is_cut_off_or_missing_of_a_run_that_ended_is_damage(tmp_path):
    part(tmp_path, 0, range(5), state="finished")
    part(tmp_path, 5, range(5, 10), state="finished", resume=True)
    first, second = sorted((tmp_path / "parts").glob("*.log"))
    whole = second.read_bytes()
    second.write_bytes(whole[: len(whole) // 2])
    found = read_run(tmp_path)
    assert (
        found.state == "damaged" and f"after step {found.last}" in found.notes[0].en and "all that" in found.notes[0].en
    )
    second.write_bytes(whole)
    first.unlink()
    found = read_run(tmp_path)
    assert found.state == "finished" and found.steps.tolist() == [5, 6, 7, 8, 9] and "000000" in found.notes[0].en
    second.unlink()
    assert read_run(tmp_path).state == "damaged" and len(read_run(tmp_path).notes) == 2
    part(tmp_path, 0, range(3), state="finished", resume=True)
    assert read_run(tmp_path).state == "finished" and (tmp_path / "parts" / "000002.log").exists()


def test_the_ratio_of_what_is_not_finite_is_quiet():
    found = History()
    found.add([Told(rows=ROWS)])
    columns = {"weight": np.array([np.inf, 1.0]), "update": np.array([np.inf, 1.0])}
    found.add([Sample(0, 0.0, {**columns, "bad_gradient": np.array([1.0, 0.0])})])
    assert found.grid("ratio").values[0].tolist()[1] == 1.0


def test_the_ratio_is_of_the_same_step():
    found = History()
    found.add([Told(rows=ROWS)])
    for step in range(4):
        columns = {"weight": np.array([2.0, 0.0]) * (step + 1)}
        found.add([Sample(step, 0.0, {**columns, **({"update": np.array([1.0, 1.0])} if step % 2 else {})})])
    grid = found.grid("ratio")
    np.testing.assert_array_equal(grid.steps, [1, 3])
    np.testing.assert_array_equal(grid.values, [[1 / 4, np.nan], [1 / 8, np.nan]])
    with pytest.raises(BadRequest, match="no statistic"):
        found.grid("gradients")


def test_layers_without_weights_have_no_update_though_they_give_bad_activations():
    found = History()
    found.add([Told(rows=ROWS)])
    columns = {"weight": [2.0, np.nan], "update": [1.0, np.nan], "mean": [1.0, np.nan], "bad_forward": [0.0, 3.0]}
    found.add([Sample(0, 0.0, {name: np.array(column) for name, column in columns.items()})])
    assert found.grid("mean").layers == ("a", "b")
    assert found.grid("update").layers == found.grid("ratio").layers == ("a",)


def test_a_long_run_is_thinned_where_it_is_old():
    found = History(most=16)
    found.add([Told(rows=ROWS)])
    for step in range(200):
        found.add([Sample(step, 0.0, {})])
    assert len(found.samples) <= 16 and found.steps[0] == 0 and found.steps[-1] == 199
    assert (np.diff(found.steps) > 0).all()


def test_a_skipped_step_of_mixed_precision_is_no_birth():
    found = History()
    found.add([Birth(0, "a", "", "scale")])
    assert found.born is None and found.skipped == (0,)
    found.add([Birth(3, "b", "log")])
    assert found.born.step == 3


def test_nothing_is_no_run(tmp_path):
    with pytest.raises(BadInput):
        read_run(tmp_path)
    with pytest.raises(BadInput):
        read_run(tmp_path / "absent")
    with pytest.raises(BadInput, match="no folder of a run"):
        read_run(None)


def test_a_run_is_read_without_torch(tmp_path):
    part(tmp_path, 0, range(3))
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from pellucid.engine.monitor.history import read_run\n"
        "print(read_run(sys.argv[1]).last)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": str(PACKAGE.parent), "PATH": ""},
    )
    assert run.stdout == "2\n", run.stderr
