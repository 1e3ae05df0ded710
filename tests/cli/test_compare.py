"""`pellucid compare`, of models and of runs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from safetensors.torch import save_file

from pellucid.cli import main
from pellucid.engine.monitor.chunk import pack
from pellucid.engine.monitor.log import Log
from pellucid.engine.monitor.sample import Logged
from tests.lens.comparing.small import net, tuned


@pytest.fixture
def model(tmp_path: Path) -> str:
    (tmp_path / "small.py").write_text("from tests.lens.comparing.small import net\n\n\ndef Net():\n    return net()\n")
    for name, made in (("a", net()), ("b", tuned())):
        save_file({key: value.clone() for key, value in made.state_dict().items()}, tmp_path / f"{name}.safetensors")
    return f"{tmp_path / 'small.py'}:Net@{tmp_path}"


def compare(*words: object) -> Result:
    return CliRunner().invoke(main, ["compare", *map(str, words)])


def test_checkpoints_are_compared(model, tmp_path):
    out = tmp_path / "x.html"
    told = compare(
        f"{model}/a.safetensors", f"{model}/b.safetensors", "-i", "random:2x3x10x10", "-m", "saliency", "-o", out
    )
    assert told.exit_code == 0, told.output
    assert "all within 'middle'" in told.output and "small.Net b" in told.output.replace("Net b", "small.Net b")
    assert "Which to choose" in out.read_text(encoding="utf-8")


def test_data_go_through_both(model, tmp_path):
    np.save(tmp_path / "x.npy", torch.randn(8, 3, 10, 10).numpy())
    out = tmp_path / "x.html"
    words = [f"{model}/a.safetensors", f"{model}/b.safetensors", "--data", f"npy:{tmp_path / 'x.npy'}", "-o", out]
    told = compare(*words, "--lang", "zh", "-n", "甲", "-n", "乙")
    assert told.exit_code == 0, told.output
    assert "乙" in told.output and "分歧" in told.output


def test_runs_are_compared(tmp_path):
    for name, last in (("first", 1.0), ("second", 0.5)):
        log = Log(tmp_path / name, {"model": "Net", "versions": {}})
        log.append(pack([Logged(step, "loss", 3.0 - (3 - last) * step / 3) for step in range(4)]))
        log.close()
    told = compare(tmp_path / "first", tmp_path / "second", "-o", tmp_path / "x.html")
    assert told.exit_code == 0, told.output
    assert "loss ends lowest in second, at 0.5" in told.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a"], "at least two"),
        (["a", "b", "-o", "x.png"], "must end in .html"),
        (["demo", "demo", "-m", "saliency"], "Pictures need an input"),
    ],
)
def test_what_cannot_be_is_refused(words, said):
    told = compare(*words)
    assert told.exit_code == 2 and said in told.output


def test_it_refuses_in_chinese_and_says_whose_code_ran_once(model, tmp_path):
    assert "至少要有两个模型" in compare("a", "--lang", "zh").output
    words = [f"{model}/a.safetensors", f"{model}/b.safetensors", "-i", "random:4x3x10x10", "--no-findings"]
    told = compare(*words, "-o", tmp_path / "x.html")
    assert told.exit_code == 0 and told.output.count("The model's code") == 1
    assert "findings" not in (tmp_path / "x.html").read_text(encoding="utf-8").partition("How to read")[0]


def run(folder: Path) -> Path:
    log = Log(folder, {"model": "Net", "versions": {}})
    log.append(pack([Logged(0, "loss", 1.0)]))
    log.close()
    return folder


def test_what_is_no_run_is_named_beside_runs(tmp_path):
    good = run(tmp_path / "good")
    told = compare(good, tmp_path / "missing", "-o", tmp_path / "x.html")
    assert told.exit_code == 2 and "missing' holds none" in told.output
    assert not (tmp_path / "x.html").exists()


def test_an_input_for_runs_is_refused(tmp_path):
    one, two = run(tmp_path / "one"), run(tmp_path / "two")
    told = compare(one, two, "-i", "random:2x3", "-o", tmp_path / "x.html")
    assert told.exit_code == 2 and "-i is for models" in told.output


def test_default_pictures_that_cannot_be_made_are_told(tmp_path):
    (tmp_path / "flat.py").write_text("from torch import nn\n\n\ndef Net():\n    return nn.Linear(3, 2)\n")
    model = f"{tmp_path / 'flat.py'}:Net"
    told = compare(model, model, "-i", "random:2x3", "-o", tmp_path / "x.html")
    assert told.exit_code == 0 and told.output.count("grad_cam gave no picture") == 1, told.output
    assert "What could not be made" in (tmp_path / "x.html").read_text(encoding="utf-8")
