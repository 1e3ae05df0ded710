"""`pellucid watch`, on runs that finished, broke, were killed, and go on."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner

from pellucid.cli import main
from pellucid.engine.monitor.chunk import pack
from pellucid.engine.monitor.log import Log
from pellucid.engine.monitor.sample import Birth, Logged, Row, Sample, Told


def begun(folder):
    """A run that is under way until it is closed."""
    log = Log(folder, {"model": "Net", "versions": {}})
    items = [Told(rows=(Row("a", "Linear", 4), Row("b", "Linear", 4)), every=(1, 1))]
    for step in range(10):
        columns = {name: np.array([1e-6, 1.0]) for name in ("flow", "gradient", "weight", "update")}
        items += [Sample(step, 0.0, columns, {"rate.0": 0.1}), Logged(step, "loss", 2.0 - 0.1 * step)]
    log.append(pack([*items, Birth(3, "a", "log")]))
    return log


@pytest.fixture
def run(tmp_path):
    begun(tmp_path / "run").close()
    return tmp_path / "run"


def told(*arguments):
    return CliRunner().invoke(main, ["watch", *map(str, arguments)])


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        (
            "en",
            ["killed", "10 steps", "Too little was logged", "█", "2 → 1.1", "first appeared at step 3", "vanishes"],
        ),
        ("zh", ["突然终止", "共 10 步", "记录太少", "█", "2 → 1.1", "首次出现于第 3 步", "消失"]),
    ],
)
def test_the_state_is_told(run, lang, words):
    found = told(run, "--lang", lang)
    assert found.exit_code == 0 and all(one in found.output for one in words), found.output


def test_a_report_is_written(run, tmp_path):
    found = told(run, "-o", tmp_path / "report.html")
    assert found.exit_code == 0, found.output
    assert "Gradient flow over the training" in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("ending", ["png", "svg", "json"])
def test_one_picture_is_written(run, tmp_path, ending):
    found = told(run, "-m", "gradient_flow:layer=a", "-o", tmp_path / f"flow.{ending}")
    assert found.exit_code == 0, found.output
    assert (tmp_path / f"flow.{ending}").stat().st_size > 500 and f"flow.{ending}" in found.output


def test_pictures_without_a_place_are_a_report(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = told(run, "-m", "updates", "-m", "gradient_maps", "--lang", "zh")
    assert found.exit_code == 0, found.output
    assert "梯度" in (tmp_path / "pellucid-report.html").read_text(encoding="utf-8")


def test_a_folder_takes_everything(run, tmp_path):
    assert told(run, "-m", "updates", "-m", "gradient_maps", "-o", tmp_path / "all").exit_code == 0
    assert {"report.html", "01-updates.png", "02-gradient_maps.npz"} <= {
        one.name for one in (tmp_path / "all").iterdir()
    }


def test_what_the_run_does_not_hold_is_told(tmp_path):
    log = Log(tmp_path / "run", {"model": "Net", "versions": {}})
    log.append(pack([Logged(0, "loss", 1.0)]))
    log.close()
    found = told(tmp_path / "run", "-m", "updates", "-o", tmp_path / "updates.png")
    assert found.exit_code == 1 and "no measurement" in found.output and not (tmp_path / "updates.png").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["absent"], "no run"),
        (["{run}", "-o", "report.pdf"], "-m gradient_flow -o report.pdf"),
        (["{run}", "-o", "folder"], ".html"),
        (["{run}", "-m", "no_such_method"], "no_such_method"),
        (["{run}", "-m", "updates:colour=red"], "colour"),
        (["{run}", "-m", "updates:layer=c"], "no layer 'c'"),
        (["{run}", "-m", "saliency", "-o", "a.png"], "pellucid see MODEL INPUT -m saliency"),
        (["{run}", "-m", "top_regions"], "pellucid sweep MODEL --data folder:DIR -m top_regions"),
        (["{run}", "-m", "updates", "-m", "gradient_flow", "-o", "a.png"], "one picture"),
    ],
)
def test_what_cannot_be_is_refused(run, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    found = told(*(one.format(run=run) for one in arguments))
    assert found.exit_code == 2 and "Error" in found.output and words in found.output, found.output
    assert [one.name for one in tmp_path.iterdir()] == ["run"]


def test_following_ends_with_the_run(run):
    assert told(run, "--follow", "0.1").exit_code == 0


def test_a_training_that_says_nothing_is_asked_about(tmp_path):
    log = begun(tmp_path / "run")
    assert "does it hang" not in told(tmp_path / "run").output
    os.utime(tmp_path / "run" / "parts" / "000000.log", (0, time.time() - 600))
    found = told(tmp_path / "run")
    assert "under way" in found.output and "No word for 0:10:00: does it hang?" in found.output
    log.close()
    assert "does it hang" not in told(tmp_path / "run").output


def test_ctrl_c_ends_following_and_keeps_the_report(tmp_path):
    log = begun(tmp_path / "run")
    command = [sys.executable, "-m", "pellucid", "watch", "run", "--follow", "0.1", "-o", "report.html"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        for line in started.stdout:
            if "vanishes" in line:
                break
        started.send_signal(signal.SIGINT)
        errors = started.communicate(timeout=60)[1]
    log.close()
    assert started.returncode == 130 and "the training goes on" in errors and "Traceback" not in errors
    assert (tmp_path / "report.html").exists()


def test_a_record_that_could_not_be_written_is_no_kill(run, tmp_path):
    log = begun(tmp_path / "full")
    log.give_up("OSError: [Errno 28] No space left on device")
    for lang, words in (("en", "folder could not be written"), ("zh", "文件夹无法写入")):
        found = told(tmp_path / "full", "--lang", lang).output
        assert words in found and "No space left" in found and "killed" not in found and "杀死" not in found
    log.close()


def test_a_damaged_record_is_no_kill(run):
    path = run / "parts" / "000000.log"
    path.write_bytes(path.read_bytes()[:200])
    for lang, words in (("en", "its record is damaged"), ("zh", "记录已损坏")):
        assert words in told(run, "--lang", lang).output


def test_the_steps_that_a_loss_scaler_skipped_are_told(tmp_path):
    log = begun(tmp_path / "run")
    log.append(pack([Birth(4, "", "", "scale")]))
    log.close()
    assert "The loss scaler skipped 1 of 10 steps" in told(tmp_path / "run").output
