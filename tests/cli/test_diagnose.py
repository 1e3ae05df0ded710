"""`pellucid diagnose`."""

import pytest
from click.testing import CliRunner

from pellucid.cli import main

NET = """
import torch
from torch import nn
def Net():
    layers = [one for _ in range(10) for one in (nn.Linear(16, 16), nn.Sigmoid())]
    return nn.Sequential(*layers, nn.Linear(16, 3))
"""


@pytest.fixture
def net(tmp_path):
    (tmp_path / "net.py").write_text(NET)
    return f"{tmp_path / 'net.py'}:Net"


@pytest.mark.parametrize(("lang", "words"), [("en", "Vanishing gradient"), ("zh", "梯度消失")])
def test_findings_are_told_and_the_code_is_zero(net, tmp_path, lang, words):
    out = tmp_path / "f.html"
    told = CliRunner().invoke(main, ["diagnose", net, "random:16x16", "--lang", lang, "-o", str(out)])
    assert told.exit_code == 0, told.output
    assert words in told.output and words in out.read_text(encoding="utf-8")


def test_input_and_data_together_are_refused(net):
    told = CliRunner().invoke(main, ["diagnose", net, "random:2x16", "--data", "noise:4"])
    assert told.exit_code == 2 and "--data" in told.output


def test_what_is_lacking_is_told_by_its_option(net):
    told = CliRunner().invoke(main, ["diagnose", net, "random:16x16"])
    assert "    Try: " in told.stdout and "checks found nothing." in told.stdout.splitlines()[-1]
    assert "Not made (needs --run): Learning rate too high" in told.stderr


def test_nothing_found_is_told(tmp_path):
    (tmp_path / "one.py").write_text("from torch import nn\ndef Net():\n    return nn.Linear(4, 2)\n")
    told = CliRunner().invoke(main, ["diagnose", f"{tmp_path / 'one.py'}:Net", "--lang", "zh"])
    assert told.exit_code == 0 and "项检查均未发现问题。" in told.stdout, told.output


@pytest.mark.parametrize("how", [[], ["-q"]])
def test_a_model_that_raises_has_the_code_of_its_own(net, how):
    told = CliRunner().invoke(main, ["diagnose", net, "random:16x15", *how])
    assert told.exit_code == 3 and "RuntimeError" in told.stderr and "found" not in told.stdout, told.output


def test_another_ending_is_refused_before_the_work(net, tmp_path):
    told = CliRunner().invoke(main, ["diagnose", net, "random:16x16", "-o", str(tmp_path / "f.bmp")])
    assert told.exit_code == 2 and ".md" in told.output and "Vanishing" not in told.output


def test_samples_of_a_data_set(net):
    told = CliRunner().invoke(main, ["diagnose", net, "--data", "noise:40#16", "--samples", "8"])
    assert told.exit_code == 0 and "8 of 40" in told.output, told.output
