from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from pellucid.core.errors import BadInput, BadSetting
from pellucid.inputs.data.open import KINDS, open_data
from tests.inputs.data.files import encoded, pixels


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(encoded(pixels()))
    (tmp_path / "a.csv").write_text("photos/a.png,3\n")
    (tmp_path / "a.txt").write_text("words\n")
    np.save(tmp_path / "a.npy", np.zeros((2, 3)))
    np.savez(tmp_path / "a.npz", x=np.zeros((2, 3)), z=np.zeros((4, 3)))
    return tmp_path


@pytest.mark.parametrize(
    ("words", "kind", "count"),
    [
        ("photos", "folder", 1),
        ("a.csv", "list", 1),
        ("a.txt", "text", 1),
        ("a.npy", "npy", 2),
        ("a.npz", "npz", 2),
        ("npz:a.npz#z", "npz", 4),
        ("folder:photos", "folder", 1),
        ("text:a.csv", "text", 1),
    ],
)
def test_words(root: Path, words: str, kind: str, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    data = open_data(words)
    assert len(data) == count and data.said.startswith(f"{kind}:")
    assert open_data(data) is data
    if ":" not in words:
        assert open_data(Path(words)).fingerprint == data.fingerprint


def test_a_path_with_signs_of_the_grammar_is_a_path(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    (root / "a#x.npz").write_bytes((root / "a.npz").read_bytes())
    (root / "list:b.csv").write_text("photos/a.png\n")
    assert len(open_data("npz:a#x.npz")) == 2 and len(open_data("npz:a#x.npz#z")) == 4
    assert len(open_data("list:b.csv")) == 1


@pytest.mark.parametrize(
    ("source", "said", "help_"),
    [
        ("fodler:x", "'fodler:' is no kind", "'folder:'"),
        ("wds:a.tar", "'wds:' is no kind", "folder:DIR"),
        ("https://x/y.zip", "'https:' is no kind", "folder:DIR"),
        ("folder:", "names no place", "folder:DIR"),
        ("py:my.data:make", "only the command line", "the object itself"),
        ("nothing.here", "does not exist", "npz:FILE#KEY"),
        ("npy:a.npz", "does not end in .npy", "npy:FILE"),
        ("npz:none.npz", "no file", "'a.npz'"),
        ("cifar100:.#train-coarse", "no part 'train-coarse'", "'train-groups'"),
        ("cifar10:.", "does not lie in", "cifar-10-python.tar.gz"),
        (iter([1]), "made of list_iterator", "a list"),
        ({"x": 1}, "made of dict", "a list"),
        ((np.zeros(3), np.zeros(3)), "tuple of arrays", "labels=y"),
        (pd.DataFrame({"a": [1.0]}), "table is no data set", "to_numpy"),
    ],
)
def test_words_that_mean_nothing(
    root: Path, source: object, said: str, help_: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    with pytest.raises(BadInput, match=said) as caught:
        open_data(source)
    assert help_ in str(caught.value)


@pytest.mark.parametrize(
    ("source", "how"),
    [
        ("photos", {"labels": [1]}),
        ("photos", {"allow_absolute": True}),
        ("a.csv", {"follow_symlinks": True}),
        ("a.npy", {"unpack": len}),
        ("a.txt", {"classes": ["a"]}),
        (torch.zeros(3), {"unpack": len}),
        ([1.0], {"layout": "NCHW"}),
    ],
)
def test_settings_of_another_kind_are_refused(
    root: Path, source: object, how: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    with pytest.raises(BadSetting, match=f"takes no {next(iter(how))}="):
        open_data(source, **how)


def test_every_kind_is_named_in_the_words_of_the_door() -> None:
    assert all(f"`{kind}:" in open_data.__doc__ for kind in KINDS)
