"""`pellucid watch`, on runs that finished, broke and were killed."""

import numpy as np
import pytest
from click.testing import CliRunner

from pellucid.cli import main
from pellucid.engine.monitor.chunk import pack
from pellucid.engine.monitor.log import Log
from pellucid.engine.monitor.sample import Birth, Logged, Row, Sample, Told


@pytest.fixture
def run(tmp_path):
    log = Log(tmp_path / "run", {"model": "Net", "versions": {}})
    items = [Told(rows=(Row("a", "Linear", 4), Row("b", "Linear", 4)), every=(1, 1))]
    for step in range(4):
        flow = np.array([1e-6, 1.0])
        items += [Sample(step, 0.0, {"flow": flow}, {"rate.0": 0.1}), Logged(step, "loss", 2.0 - 0.5 * step)]
    log.append(pack([*items, Birth(3, "a", "log")]))
    log.close()
    return tmp_path / "run"


@pytest.mark.parametrize(("lang", "words"), [("en", "killed"), ("zh", "突然终止")])
def test_the_state_is_told(run, lang, words):
    told = CliRunner().invoke(main, ["watch", str(run), "--lang", lang])
    assert told.exit_code == 0, told.output
    assert words in told.output and "2.00 → 0.500" in told.output.replace("2 →", "2.00 →").replace("→ 0.5 ", "→ 0.500 ")
    assert "log" in told.output and "'a'" in told.output.replace("“a”", "'a'")


def test_a_report_is_written(run, tmp_path):
    told = CliRunner().invoke(main, ["watch", str(run), "-o", str(tmp_path / "report.html")])
    assert told.exit_code == 0, told.output
    assert "Gradient flow over the training" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_following_ends_with_the_run(run):
    assert CliRunner().invoke(main, ["watch", str(run), "--follow", "0.1"]).exit_code == 0


@pytest.mark.parametrize("arguments", [["absent"], ["{run}", "-o", "report.pdf"]])
def test_what_cannot_be_is_refused(run, arguments):
    told = CliRunner().invoke(main, ["watch", *(one.format(run=run) for one in arguments)])
    assert told.exit_code == 2 and "Error" in told.output
