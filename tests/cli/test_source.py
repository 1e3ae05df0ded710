"""MODEL, INPUT, labels and targets as the library takes them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import pellucid as pl
from pellucid.cli.source import input_of, labels_of, lens_of
from pellucid.core.errors import BadInput

NET = "from torch import nn\nclass Net(nn.Linear):\n    def __init__(self):\n        super().__init__(3, 2)\n"


def test_random_input_is_seeded():
    a, b, c = (input_of(["random:2x3x4"], seed) for seed in (0, 0, 1))
    assert a.shape == (2, 3, 4) and torch.equal(a, b) and not torch.equal(a, c)


@pytest.mark.parametrize("words", ["random:", "random:axb", "random:0x3", "random:-1", "random:1x99999x99999"])
def test_shapes_that_are_none(words):
    with pytest.raises(pl.BadInput):
        input_of([words], 0)


def test_pictures_are_paths_and_many_are_a_batch(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"x")
    assert input_of([str(tmp_path / "a.jpg")], 0) == tmp_path / "a.jpg"
    assert input_of(["a.jpg", "b.jpg"], 0)[1].name == "b.jpg"
    assert input_of(["a good film"], 0) == "a good film"
    assert input_of([], 0) is None


def test_files_of_tensors(tmp_path):
    x = torch.rand(2, 3)
    torch.save(x, tmp_path / "x.pt")
    torch.save({"a": x}, tmp_path / "named.pt")
    np.savez(tmp_path / "one.npz", x.numpy())
    np.savez(tmp_path / "two.npz", left=x.numpy(), right=x.numpy() + 1)
    assert torch.equal(input_of([str(tmp_path / "x.pt")], 0), x)
    assert torch.equal(input_of([str(tmp_path / "named.pt")], 0)["a"], x)
    assert np.array_equal(input_of([str(tmp_path / "one.npz")], 0), x)
    assert set(input_of([str(tmp_path / "two.npz")], 0)) == {"left", "right"}


class Innocent:
    """An object that is no tensor."""


def test_files_that_hold_more_than_numbers_are_refused(tmp_path):
    torch.save(Innocent(), tmp_path / "x.pt")
    with pytest.raises(pl.BadInput, match="loading those can run code"):
        input_of([str(tmp_path / "x.pt")], 0)
    np.savez(tmp_path / "x.npz", np.array([Innocent()], dtype=object))
    with pytest.raises(pl.BadInput, match="cannot be read as arrays"):
        input_of([str(tmp_path / "x.npz")], 0)


@pytest.mark.parametrize("name", ["x.pt", "x.npz"])
def test_damaged_and_missing_files(tmp_path, name):
    with pytest.raises(pl.BadInput, match="no file"):
        input_of([str(tmp_path / name)], 0)
    (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(pl.BadInput):
        input_of([str(tmp_path / name)], 0)


def test_labels(tmp_path):
    (tmp_path / "a.txt").write_text("cat\ndog\n\n")
    (tmp_path / "b.json").write_text(json.dumps(["cat", "dog"]))
    (tmp_path / "c.json").write_text(json.dumps({"10": "dog", "2": ["n01", "cat"]}))
    (tmp_path / "d.json").write_text("{")
    assert (
        labels_of(tmp_path / "a.txt")
        == labels_of(tmp_path / "b.json")
        == labels_of(tmp_path / "c.json")
        == ("cat", "dog")
    )
    with pytest.raises(pl.BadInput, match="holds no class names"):
        labels_of(tmp_path / "d.json")
    with pytest.raises(pl.BadInput, match="no file"):
        labels_of(tmp_path / "e.txt")


def test_what_is_given_goes_before_what_the_source_states(tmp_path):
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "labels.txt").write_text("yes\nno\n")
    lens = lens_of(f"{tmp_path}/net.py:Net", preprocess="cifar10", labels=str(tmp_path / "labels.txt"), device="cpu")
    assert lens.labels == ("yes", "no") and lens.preprocess.size == 32 and str(lens.device) == "cpu"


def test_no_such_device_or_preprocessing(tmp_path):
    (tmp_path / "net.py").write_text(NET)
    with pytest.raises(pl.BadSetting, match="no device 'gpu'") as caught:
        lens_of(f"{tmp_path}/net.py:Net", device="gpu")
    assert "cpu" in caught.value.nearest
    with pytest.raises(pl.BadSetting, match="no preprocessing named 'imagnet'"):
        lens_of(f"{tmp_path}/net.py:Net", preprocess="imagnet")


def test_texts_are_never_files_to_a_model_on_text(tmp_path):
    (tmp_path / "word").touch()
    assert input_of([str(tmp_path / "word")], 0, text=True) == str(tmp_path / "word")
    assert input_of(["a", "b c"], 0, text=True) == ["a", "b c"]
    assert input_of(["long " * 200], 0) == "long " * 200


def test_texts_and_their_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "story.txt").write_text("once upon a time\n")
    (tmp_path / "cat.jpg").write_bytes(b"x")
    assert input_of(["a cat"], 0, text=True) == "a cat"
    assert input_of(["story.txt"], 0, text=True) == "once upon a time"
    with pytest.raises(BadInput, match="this model reads text"):
        input_of(["cat.jpg"], 0, text=True)
    both = input_of(["a cat", "a dog", "cat.jpg"], 0, text=True, pictures=True)
    assert both == ["a cat", "a dog", Path("cat.jpg")]
