"""`pellucid sweep`, from the words to the files and the exit code."""

import os
import shlex
import signal

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from pellucid.cli import main

NETS = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.fc = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 6, 3), nn.Linear(6, 3)

    def forward(self, x):
        return self.fc(self.conv2(torch.relu(self.conv1(x))).relu().mean((2, 3)))
"""
DATA = """
import os
import signal

import torch


class Pictures:
    def __init__(self, bad=(), stop_at=None):
        self.bad, self.stop_at = bad, stop_at

    def __len__(self):
        return 64

    def __getitem__(self, i):
        if i in self.bad:
            raise ValueError("broken on purpose")
        if i == self.stop_at and not os.path.exists("stopped"):
            open("stopped", "w").close()
            os.kill(os.getpid(), signal.SIGINT)
        return torch.rand(3, 12, 12, generator=torch.Generator().manual_seed(i)), i % 3


def bad():
    return Pictures((7,))


def stopped():
    return Pictures(stop_at=37)
"""
FEW = ("-m", "top_regions:channels=2,k=3", "--batch-size", "4")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Every test runs in a folder of its own with a network and data beside it."""
    (tmp_path / "nets.py").write_text(NETS)
    (tmp_path / "data.py").write_text(DATA)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def sweep(*words: str):
    """The command, run."""
    return CliRunner().invoke(main, ["sweep", "nets.py:Net", *words])


def test_a_report_of_a_data_set(folder):
    seen = sweep("--data", "data.py:Pictures", *FEW, "-o", "learned.html")
    assert seen.exit_code == 0, seen.output
    assert "top_regions conv2" in seen.stdout and "All 64 samples went through." in seen.stdout
    assert str(folder / "data.py") in seen.stderr, "whose code runs is told"
    page = (folder / "learned.html").read_text()
    assert "<title>Net: data.py:Pictures</title>" in page and str(folder / "data.py") in page


def test_top_regions_without_a_method():
    np.save("x.npy", np.random.default_rng(0).random((12, 3, 9, 9), dtype=np.float32))
    seen = sweep("--data", "npy:x.npy", "-o", "x.npz")
    assert seen.exit_code == 0 and "top_regions" in seen.stdout, seen.output


def test_noise_is_a_data_set_whose_shape_is_told_or_asked_for():
    seen = sweep("--data", "noise:24#3x12x12", "-m", "correlation:measure=weights", "-o", "x.npz")
    assert seen.exit_code == 0 and "All 24 samples went through." in seen.stdout
    seen = sweep("--data", "noise:24", "-m", "correlation")
    assert seen.exit_code != 0 and "shape" in seen.stderr and "noise:4096#3x224x224" in seen.stderr


def test_what_units_want_beside_the_data(folder):
    made = "activation_maximization:layer=conv2,channels=2,n_steps=3,k=2"
    seen = sweep("--data", "data.py:Pictures", "-m", made, "-m", "top_regions:channels=2,k=2", "-o", "learned.html")
    assert seen.exit_code == 0, seen.output
    assert "activation_maximization conv2" in seen.stdout and "best of 64 real" in (folder / "learned.html").read_text()


def test_pictures_in_folders_of_classes_and_labels_of_the_model(folder):
    draw = np.random.default_rng(0)
    for name in ("hen", "cat"):
        (folder / "photos" / name).mkdir(parents=True)
        for i in range(3):
            Image.fromarray(draw.integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(f"photos/{name}/{i}.png")
    (folder / "labels.txt").write_text("dog\nhen\ncat\n")
    words = ["--data", "folder:photos", "--preprocess", "cifar10", "--labels", "labels.txt", *FEW, "-o", "all"]
    seen = sweep(*words)
    assert seen.exit_code == 0, seen.output
    assert {one.suffix for one in (folder / "all").iterdir()} == {".html", ".png", ".npz"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 1, "63 of 64 samples went through; 1 (1.6%) was left out:"),
        (("--on-bad", "fail"), 2, "'item 7' cannot be read: ValueError: broken on purpose"),
    ],
)
def test_samples_that_cannot_be_read(words, code, said):
    seen = sweep("--data", "data.py:bad", *FEW, "-o", "x.npz", *words)
    assert seen.exit_code == code and said in seen.output and "item 7" in seen.output


def test_an_interrupt_is_gone_on_with_by_the_line_that_it_prints(folder):
    words = ("--data", "data.py:stopped", *FEW)
    seen = sweep(*words, "-o", "a.html", "--folder", "a run")
    assert seen.exit_code == 130, seen.output
    assert "stored in 'a run'" in seen.stderr and not (folder / "a.html").exists()
    line = shlex.split(seen.stdout.splitlines()[-1])
    assert line[-1] == "--resume" and line[line.index("--folder") + 1] == "a run"
    resumed = CliRunner().invoke(main, line[1:])
    assert resumed.exit_code == 0, resumed.output
    whole = sweep(*words, "-o", "whole.npz")
    gone_on = sweep(*words, "-o", "again.npz", "--folder", "a run", "--resume")
    assert whole.exit_code == gone_on.exit_code == 0, whole.output + gone_on.output
    for name in ("whole-1.npz", "whole-2.npz"):
        mine, other = (np.load(one) for one in (name, name.replace("whole", "again")))
        assert mine.files == other.files
        assert all(np.array_equal(mine[key], other[key]) for key in mine.files if key != "pellucid")


def test_an_interrupt_without_a_folder_keeps_nothing():
    seen = sweep("--data", "data.py:stopped", *FEW, "-o", "a.html")
    assert seen.exit_code == 130
    assert "no --folder was given" in seen.stderr and "nothing was kept" in seen.stdout
    assert "of 64 samples" in seen.stdout and "--resume" not in seen.stdout


def test_a_second_interrupt_stops_at_once_and_tells_how_to_go_on(monkeypatch):
    def stop(*_, **__):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("pellucid.lens.lens.Lens.sweep", stop)
    seen = sweep("--data", "data.py:Pictures", *FEW, "--folder", "run")
    assert seen.exit_code == 130 and "Interrupted." in seen.stderr
    assert shlex.split(seen.stdout.splitlines()[-1])[-1] == "--resume"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-m", "saliency"), "pellucid see nets.py:Net INPUT -m saliency"),
        (("--resume",), "--folder DIR --resume"),
        (("-l", "conv9"), "pellucid layers nets.py:Net"),
        (("--data", "folder:nowhere"), "There is no folder 'nowhere'"),
        (("--data", "text:lines.txt"), "hf:DIR opens a model with its tokenizer"),
        (("--data", "folder:pictures"), "--preprocess imagenet"),
    ],
)
def test_requests_that_cannot_be_met_say_what_can(folder, words, said):
    (folder / "lines.txt").write_text("a line\nanother\n")
    (folder / "pictures").mkdir()
    Image.new("RGB", (9, 9)).save(folder / "pictures" / "a.png")
    seen = sweep(*(() if "--data" in words else ("--data", "data.py:Pictures")), *words)
    assert seen.exit_code == 2 and said in seen.stderr, seen.output
    assert not (folder / "pellucid-report.html").exists()


def test_data_that_do_not_fit_the_model_are_told():
    np.save("rows.npy", np.zeros((4, 5), np.float32))
    seen = sweep("--data", "npy:rows.npy")
    assert seen.exit_code == 3 and "conv1" in seen.stderr and "--data npy:rows.npy" in seen.stderr


def test_see_says_that_methods_over_data_belong_here():
    seen = CliRunner().invoke(main, ["see", "nets.py:Net", "random:1x3x9x9", "-m", "top_regions"])
    assert seen.exit_code == 2 and "pellucid sweep nets.py:Net --data folder:DIR -m top_regions" in seen.stderr


def test_a_folder_with_a_sweep_is_not_overwritten(folder):
    words = ("--data", "data.py:Pictures", *FEW, "--folder", "run", "-o", "x.npz")
    assert "it begins here" in sweep(*words, "--resume").stderr
    seen = sweep(*words)
    assert seen.exit_code == 2 and "--resume goes on with it" in seen.stderr
    other = sweep(*words, "--resume", "--batch-size", "8")
    assert other.exit_code == 2 and "is another one: batch size (--batch-size) differs" in other.stderr
    more = sweep(*words[:-1], "x.html", "-m", "unit_statistics", "--resume")
    assert more.exit_code == 2 and "is another one: what is gathered (-m, -l) differs" in more.stderr


def test_quiet_says_nothing_and_chinese_speaks_chinese():
    seen = sweep("--data", "data.py:Pictures", *FEW, "-o", "x.npz", "-q")
    assert seen.exit_code == 0 and seen.output == ""
    seen = sweep("--data", "data.py:Pictures", *FEW, "-o", "x.npz", "--lang", "zh")
    assert "全部 64 个样本均已通过。" in seen.stdout


def test_what_cannot_be_made_says_which_option_helps(folder):
    (folder / "rows.py").write_text("from torch import nn\n\nnet = nn.Sequential(nn.Linear(5, 4), nn.ReLU())\n")
    np.save("rows.npy", np.random.default_rng(0).random((6, 5), dtype=np.float32))
    words = ["sweep", "rows.py:net", "--data", "npy:rows.npy", "-o", "x.npz"]
    seen = CliRunner().invoke(main, words)
    assert seen.exit_code == 1 and "-l NAME; pellucid layers rows.py:net" in seen.output
    assert CliRunner().invoke(main, [*words, "-l", "0"]).exit_code == 0


def test_what_cannot_be_made_says_what_is_nearest():
    words = ("--data", "noise:4#3x12x12", "-o", "x.npz", "-m")
    seen = [sweep(*words, f"concepts:of={i},concepts=2,masks=2,crop=none,layer=conv2") for i in range(3)]
    missed = [one.output for one in seen if "is predicted to be" in one.output]
    assert missed and all("nearest   class " in one for one in missed)
