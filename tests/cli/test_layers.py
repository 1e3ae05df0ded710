"""`pellucid layers`."""

from io import StringIO

import pytest
from click.testing import CliRunner
from rich.console import Console

from pellucid.cli import main
from pellucid.cli.layers import level, lines, show_tree
from pellucid.cli.screen import Screen

NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.pool, self.body, self.fc = nn.MaxPool2d(2), nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(self.pool(self.body(self.pool(x))).relu().mean((2, 3)))
"""


@pytest.fixture
def net(tmp_path):
    (tmp_path / "net.py").write_text(NET)
    return f"{tmp_path}/net.py:Net"


def test_as_registered_without_an_input(net):
    seen = CliRunner().invoke(main, ["layers", net])
    assert seen.exit_code == 0
    assert [line.split()[:2] for line in seen.stdout.splitlines()[:-1]] == [
        ["pool", "MaxPool2d"],
        ["body", "Sequential"],
        ["body.0", "Conv2d"],
        ["body.1", "ReLU"],
        ["fc", "Linear"],
    ]
    assert seen.stdout.splitlines()[-1] == "5 places, 122 parameters"


def test_as_executed_with_an_input(net):
    seen = CliRunner().invoke(main, ["layers", net, "random:1x3x16x16"])
    told = [line.split()[0] for line in seen.stdout.splitlines()]
    assert (
        told.index("pool#0") < told.index("body.0") < told.index("body") < told.index("pool#1") < told.index("/relu.0")
    )
    assert "1 x 4 x 6 x 6" in seen.stdout and "112" in seen.stdout


def test_depth(net):
    seen = CliRunner().invoke(main, ["layers", net, "--depth", "1"])
    assert [line.split()[0] for line in seen.stdout.splitlines()[:-1]] == ["pool", "body", "fc"]


def test_a_model_that_raises(net):
    seen = CliRunner().invoke(main, ["layers", net, "random:1x4x16x16"])
    assert seen.exit_code == 3 and "body.0" in seen.stderr


def test_levels():
    assert [level(one) for one in ("conv1", "/relu.0", "a.b", "a.b#1", "a/add.0", "")] == [1, 1, 2, 2, 2, 0]


def test_a_tree_on_a_terminal():
    row = {"kind": "Conv2d", "shape": (1, 4, 6, 6), "parameters": 1120}
    rows = [{"address": name, **row} for name in ("a.0/conv2d.0", "a.0", "a", "/relu.0", "b#0", "[red]x")]
    screen = Screen()
    screen.console = Console(file=StringIO(), force_terminal=True, width=100, record=True)
    show_tree(screen, "Net", rows)
    told = screen.console.export_text().splitlines()
    assert [line.strip("│├└─ ").split("  ")[0] for line in told] == [
        "Net",
        "a",
        "a.0",
        "a.0/conv2d.0",
        "/relu.0",
        "b#0",
        "[red]x",
    ]
    assert told[1].endswith("Conv2d  1 x 4 x 6 x 6  1,120")


def test_lines_are_aligned():
    told = lines(
        [
            {"address": "a", "kind": "B", "shape": None, "parameters": 0},
            {"address": "long", "kind": "C", "shape": (1, 2), "parameters": 3},
        ]
    )
    assert told == ["a     B", "long  C  1 x 2  3"]
