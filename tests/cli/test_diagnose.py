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
