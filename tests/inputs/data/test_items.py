from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from pellucid.core.errors import BadInput
from pellucid.inputs.data.data import Bad
from pellucid.inputs.data.items import open_items, unpacked
from pellucid.inputs.data.open import open_data
from tests.inputs.data.files import encoded, pixels

PICTURE = Image.fromarray(pixels())


@pytest.mark.parametrize(
    ("item", "x", "label", "name"),
    [
        ("words", "words", None, ""),
        (("words",), "words", None, ""),
        (["words", 3], "words", 3, ""),
        (("words", torch.tensor([3])), "words", 3, ""),
        ({"image": "a.png", "label": 2, "id": 7}, "a.png", 2, "7"),
        ({"text": "words", "labels": np.int64(1)}, "words", 1, ""),
        ({"a": 1.0, "b": "x", "label": None}, {"a": 1.0, "b": "x"}, None, ""),
        ({"a": 1.0}, {"a": 1.0}, None, ""),
    ],
)
def test_items(item: object, x: object, label: int | None, name: str) -> None:
    sample = unpacked(item)
    assert (sample.x, sample.label, sample.name, sample.notes) == (x, label, name, ())


def test_what_is_no_class_is_left_out_and_said() -> None:
    sample = unpacked((PICTURE, torch.zeros(4, 4)))
    assert sample.label is None and "no class" in sample.notes[0].en and sample.notes[0].zh


@pytest.mark.parametrize("item", [(1, 2, 3), (), {"label": 1}])
def test_items_that_are_none_of_these(item: object) -> None:
    data = open_data([item])
    assert isinstance(data.read(0), Bad) and data.read(0).reason.startswith("An item is")
    assert open_data([(1.0, 2.0, 3)], unpack=lambda item: (item[0], item[2])).read(0).label == 3


class Own(Dataset):
    classes = ("cat", "dog")

    def __len__(self) -> int:
        return 3

    def __getitem__(self, i: int) -> tuple:
        if i == 1:
            raise RuntimeError("the file is gone")
        return PICTURE, i % 2


def test_a_dataset_and_one_that_raises() -> None:
    data = open_data(Own())
    assert len(data) == 3 and data.classes == ("cat", "dog") and data.labels == (None,) * 3
    assert data.read(2).label == 0
    assert data.read(1) == Bad(1, "item 1", "RuntimeError: the file is gone", "failed")
    assert len(open_data(Subset(Own(), [2, 0]))) == 2
    assert open_data(TensorDataset(torch.ones(4, 2), torch.arange(4))).read(3).label == 3
    assert open_data(Own(), classes=["a", "b"]).classes == ("a", "b")


class Stream(IterableDataset):
    def __iter__(self):
        yield 1


class Unknown(Own):
    def __len__(self) -> int:
        raise NotImplementedError("who knows")


class NoLength(Dataset):
    def __getitem__(self, i: int) -> int:
        return i


@pytest.mark.parametrize(
    ("source", "said", "hint"),
    [
        (Stream(), "Stream has no numbered samples", "map-style"),
        (NoLength(), "NoLength has no length", "map-style"),
        (Unknown(), "Unknown does not know its length: NotImplementedError: who knows", "map-style"),
        (DataLoader(Own()), "DataLoader has no numbered samples", ".dataset"),
        ([], "is empty", ""),
        ({1, 2}, "no numbered samples", "map-style"),
        (3, "no numbered samples", "map-style"),
    ],
)
def test_objects_that_are_no_data_set(source: object, said: str, hint: str) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        open_items(source)
    assert hint in caught.value.hint


def test_lists_of_everything(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(pixels()))
    data = open_data([tmp_path / "a.png", PICTURE, np.zeros(3), "words", encoded(pixels()), None])
    assert data.names[0] == str(tmp_path / "a.png") and data.names[1] == "item 1"
    np.testing.assert_array_equal(np.asarray(data.read(0).x), pixels())
    assert data.read(3).x == "words" and data.read(4).x.size == (16, 12)


def test_the_fingerprint_covers_the_length_or_every_item() -> None:
    def prints(*items: object) -> tuple[str, str]:
        return tuple(open_data(list(items), hash_data=hashed).fingerprint for hashed in (False, True))

    one = prints(1.0, "a", PICTURE, {"a": torch.ones(2)}, (np.ones(2), 1), b"x", [[3], [4]])
    same = prints(1.0, "a", PICTURE, {"a": torch.ones(2)}, (np.ones(2), 1), b"x", [[3], [4]])
    other = prints(1.0, "a", PICTURE, {"a": torch.ones(2)}, (np.ones(2), 2), b"x", [[3], [4]])
    assert one == same and one[0] == other[0] and one[1] != other[1]
    assert prints(1.0)[0] != prints(1.0, 2.0)[0]
    assert open_data([1.0]).fingerprint_covers == "class and length only"
    assert len(open_data(Own(), hash_data=True).fingerprint) == 64
