import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pellucid.core.errors import BadInput, BadSetting
from pellucid.inputs.data.open import open_data
from pellucid.inputs.data.rows import open_rows

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (3, 10, 12, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("values", "layout"),
    [(BYTES, "NHWC"), (BYTES.transpose(0, 3, 1, 2), "NCHW"), (BYTES[..., :1], "NHWC"), (BYTES[..., 0], "NHW")],
)
@pytest.mark.parametrize("of", [np.asarray, torch.tensor], ids=["array", "tensor"])
def test_bytes_are_pictures(values: np.ndarray, layout: str, of: object) -> None:
    rows = open_rows(of(values))
    assert rows.layout == layout
    picture = rows.take(1).x
    assert isinstance(picture, Image.Image) and picture.size == (12, 10)
    expected = BYTES[1] if picture.mode == "RGB" else BYTES[1, ..., 0]
    np.testing.assert_array_equal(np.asarray(picture), expected)
    assert open_data(of(values)).read(1).x.mode == "RGB"


@pytest.mark.parametrize(
    ("shape", "layout", "item"),
    [
        ((2, 3, 8, 9), "NCHW", (3, 8, 9)),
        ((2, 8, 9, 3), "NHWC", (3, 8, 9)),
        ((2, 64, 7, 7), "N...", (64, 7, 7)),
        ((2, 5, 5), "N...", (5, 5)),
        ((2, 9), "N...", (9,)),
        ((2,), "N...", ()),
        ((2, 3, 4, 5, 6), "N...", (3, 4, 5, 6)),
    ],
)
@pytest.mark.parametrize("of", [np.asarray, torch.tensor], ids=["array", "tensor"])
def test_other_numbers_are_taken_as_the_model_takes_them(shape: tuple, layout: str, item: tuple, of: object) -> None:
    values = RNG.normal(size=shape)
    rows = open_rows(of(values))
    x = rows.take(1).x
    assert rows.layout == layout and tuple(x.shape) == item and x.dtype == torch.float64
    np.testing.assert_array_equal(x, np.moveaxis(values[1], -1, 0) if layout == "NHWC" else values[1])
    assert bool(rows.notes) == (layout == "NHWC")


def test_layouts_that_are_asked_for() -> None:
    assert open_rows(np.zeros((2, 3, 8, 3)), layout="NCHW").take(0).x.shape == (3, 8, 3)
    assert open_rows(np.zeros((2, 8, 9)), layout="NHW").take(0).x.shape == (1, 8, 9)
    assert open_rows(BYTES, layout="N...").take(0).x.dtype == torch.uint8
    with pytest.raises(BadInput, match="first or last"):
        open_rows(np.zeros((2, 3, 8, 3)))
    with pytest.raises(BadInput, match="which is not NCHW"):
        open_rows(np.zeros((2, 3, 8)), layout="NCHW")
    with pytest.raises(BadSetting, match="layout='NWHC'"):
        open_rows(np.zeros((2, 3, 8, 8)), layout="NWHC")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.zeros(()), "no samples"),
        (np.zeros((0, 3)), "no samples"),
        (np.zeros((3, 0)), "no samples"),
        (np.array([{}, {}]), "array of objects"),
        (np.array(["a", "b"]), "not of numbers"),
        (np.zeros(3, np.longdouble), "number type"),
    ],
)
def test_arrays_that_hold_no_samples(values: np.ndarray, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        open_rows(values)


def test_labels() -> None:
    x = np.zeros((3, 2))
    assert open_data(x, labels=torch.tensor([2, 0, 1])).labels == (2, 0, 1)
    assert open_data(x, labels=np.array([[2.0], [0.0], [1.0]])).labels == (2, 0, 1)
    named = open_data(x, labels=["b", "a", "b"], classes=["a", "b"])
    assert named.labels == (1, 0, 1) and named.classes == ("a", "b") and named.read(0).label == 1
    with pytest.raises(BadInput, match="3 samples, but the labels"):
        open_data(x, labels=[1, 2])
    with pytest.raises(BadInput, match="not whole numbers"):
        open_data(x, labels=[0.5, 1, 2])
    with pytest.raises(BadInput, match="none of the 2 classes"):
        open_data(x, labels=[0, 1, 2], classes=["a", "b"])


@pytest.mark.parametrize(
    ("arrays", "key", "labels"),
    [
        ({"x": BYTES, "y": [2, 1, 0]}, None, (2, 1, 0)),
        ({"images": BYTES, "labels": [[2], [1], [0]]}, None, (2, 1, 0)),
        ({"train_images": BYTES, "train_labels": [0, 0, 1], "test_images": BYTES}, "train_images", (0, 0, 1)),
        ({"x_test": BYTES, "y_test": [1, 1, 1], "y": [0, 0, 0]}, "x_test", (1, 1, 1)),
        ({"weird": BYTES}, None, (None,) * 3),
        ({"x": BYTES, "y": [1, 2]}, None, (None,) * 3),
    ],
)
def test_archives_bring_their_labels(tmp_path: Path, arrays: dict, key: str | None, labels: tuple) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    data = open_data(f"npz:{tmp_path / 'a.npz'}" + (f"#{key}" if key else ""))
    assert data.labels == labels and bool(data.notes) == (labels[0] is not None)
    np.testing.assert_array_equal(np.asarray(data.read(2).x), BYTES[2])


def test_archives_that_leave_it_open(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", train=BYTES, test=BYTES)
    with pytest.raises(BadInput, match="several arrays: 'train'") as caught:
        open_data(tmp_path / "a.npz")
    assert caught.value.hint.endswith("a.npz#train")
    with pytest.raises(BadInput, match="no array 'valid'"):
        open_data(f"npz:{tmp_path / 'a.npz'}#valid")
    np.savez(tmp_path / "b.npz")
    with pytest.raises(BadInput, match="no arrays"):
        open_data(tmp_path / "b.npz")


@pytest.mark.parametrize("packed", [False, True])
def test_pickled_without_their_numbers(tmp_path: Path, packed: bool) -> None:
    large = np.zeros((100, 100, 100), np.float32)
    (np.savez_compressed if packed else np.savez)(tmp_path / "a.npz", x=large + 1)
    data = open_data(tmp_path / "a.npz")
    content = pickle.dumps(data)
    assert len(content) < 5000
    again = pickle.loads(content)
    assert len(again) == 100 and float(again.read(99).x.sum()) == 10_000
    assert again.fingerprint == data.fingerprint


def test_fingerprints_follow_the_numbers_in_memory_and_the_file(tmp_path: Path) -> None:
    x = np.zeros((5, 4), np.float32)
    prints = [open_data(one).fingerprint for one in (x, x + 1, torch.tensor(x), torch.tensor(x + 1).bfloat16())]
    assert len(set(prints)) == 4 and open_data(x.copy()).fingerprint == prints[0]
    for name, values in (("a", x), ("b", x + 1)):
        np.save(tmp_path / f"{name}.npy", values)
    by_size = [open_data(tmp_path / f"{name}.npy").fingerprint for name in "ab"]
    by_content = [open_data(tmp_path / f"{name}.npy", hash_data=True).fingerprint for name in "ab"]
    assert by_size[0] == by_size[1] and by_content[0] != by_content[1]
    assert open_data(tmp_path / "a.npy").fingerprint_covers == "shape and size of the file"


def test_channels_that_are_no_picture() -> None:
    data = open_data(np.zeros((2, 2, 9, 9), np.uint8), layout="NCHW")
    assert "2 channels are no picture" in data.read(0).reason
