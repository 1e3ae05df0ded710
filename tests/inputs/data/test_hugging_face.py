import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from pellucid.core.errors import BadInput
from pellucid.inputs.data.data import Bad
from pellucid.inputs.data.open import open_data
from tests.inputs.data.files import encoded, pixels


class Image:
    def __init__(self, decode: bool = True) -> None:
        self.decode = decode


class ClassLabel:
    names = ("cat", "dog")


class Rows:
    """What a saved data set answers to, as far as it is asked."""

    def __init__(self, features: dict, rows: list[dict]) -> None:
        self.features, self.rows = features, rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> dict:
        return dict(self.rows[i])

    def cast_column(self, name: str, kind: Image) -> "Rows":
        assert kind.decode is False
        return Rows({**self.features, name: kind}, self.rows)

    def with_format(self, kind: None) -> "Rows":
        return self


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a library in place that gives these rows for whatever folder is asked for."""
    library = ModuleType("datasets")
    library.Image, library.Audio = Image, type("Audio", (), {})
    monkeypatch.setitem(sys.modules, "datasets", library)

    def made(features: dict, rows: list[dict], *parts: str) -> Path:
        library.load_from_disk = lambda path, keep_in_memory: Rows(features, rows)
        for part in parts or ("",):
            (tmp_path / part).mkdir(exist_ok=True)
            (tmp_path / part / "state.json").write_text("{}")
        if parts:
            (tmp_path / "dataset_dict.json").write_text(str({"splits": list(parts)}).replace("'", '"'))
        return tmp_path

    return made


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(BadInput, match="needs the package 'datasets'") as caught:
        open_data(f"hf:{tmp_path}")
    assert "pip install datasets" in caught.value.hint
    with pytest.raises(BadInput, match="no folder"):
        open_data(f"hf:{tmp_path / 'none'}")


def test_pictures_go_through_our_own_decoder(saved) -> None:
    held = [{"bytes": encoded(pixels()), "path": "x.png"}, {"bytes": b"none", "path": None}, None]
    outside = [{"bytes": None, "path": "/etc/hostname"}, {"bytes": None, "path": "../x"}]
    rows = [{"image": one, "label": i % 2} for i, one in enumerate([*held, *outside])]
    data = open_data(f"hf:{saved({'image': Image(), 'label': ClassLabel()}, rows)}")
    np.testing.assert_array_equal(np.asarray(data.read(0).x), pixels())
    assert data.classes == ("cat", "dog") and data.read(0).label == 0 and data.names[4] == "row 4"
    told = [data.read(i).reason for i in range(1, 5)]
    assert "not a picture" in told[0] and told[1] == "The row has no picture."
    assert "absolute path" in told[2] and "leads out" in told[3]


def test_texts_and_named_columns(saved) -> None:
    text = open_data(saved({"text": None, "label": None}, [{"text": "words", "label": 3}]))
    assert text.read(0).x == "words" and text.read(0).label == 3
    columns = open_data(saved({"a": None, "b": None}, [{"a": [1, 2], "b": 3.0}]))
    assert columns.read(0).x == {"a": [1, 2], "b": 3.0} and columns.read(0).label is None


def test_parts(saved) -> None:
    folder = saved({"text": None}, [{"text": "words"}], "train", "test")
    assert len(open_data(f"hf:{folder}#test")) == 1
    with pytest.raises(BadInput, match="several parts") as caught:
        open_data(folder)
    assert caught.value.hint.endswith("#test")
    with pytest.raises(BadInput, match="no part 'tset'") as caught:
        open_data(f"hf:{folder}#tset")
    assert "'test'" in caught.value.nearest
    (folder / "dataset_dict.json").write_text("[]")
    with pytest.raises(BadInput, match=r"damaged dataset_dict\.json"):
        open_data(folder)


def test_one_part_needs_no_name(saved) -> None:
    assert len(open_data(saved({"text": None}, [{"text": "words"}], "train"))) == 1


def test_folders_that_hold_none(saved, tmp_path: Path) -> None:
    folder = saved({"text": None}, [])
    with pytest.raises(BadInput, match="is empty: 0 rows"):
        open_data(folder)
    sys.modules["datasets"].load_from_disk = lambda *_, **__: 1 / 0
    with pytest.raises(BadInput, match="not a data set that can be read: division by zero"):
        open_data(folder)
    (tmp_path / "state.json").unlink()
    with pytest.raises(BadInput, match="holds no saved data set"):
        open_data(f"hf:{folder}")


def test_parquet_larger_than_memory_is_refused(saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved({}, [])
    (tmp_path / "state.json").unlink()
    (tmp_path / "train-0.parquet").write_bytes(b"")
    group = SimpleNamespace(total_byte_size=9 * 2**30)
    metadata = SimpleNamespace(num_row_groups=1, row_group=lambda i: group)
    arrow = ModuleType("pyarrow")
    arrow.concat_tables = None
    arrow.parquet = SimpleNamespace(ParquetFile=lambda path: SimpleNamespace(metadata=metadata))
    monkeypatch.setitem(sys.modules, "pyarrow", arrow)
    with pytest.raises(BadInput, match="unpack to 9,663,676,416 bytes"):
        open_data(f"hf:{tmp_path}")


def test_a_data_set_that_the_library_saved(tmp_path: Path) -> None:
    """The library itself, where it is installed."""
    datasets = pytest.importorskip("datasets")
    kinds = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])})
    rows = {"image": [{"bytes": encoded(pixels(seed=i)), "path": None} for i in range(3)], "label": [0, 1, 1]}
    rows["image"][1]["bytes"] = b"none"
    whole = datasets.Dataset.from_dict(rows, features=kinds)
    whole.save_to_disk(str(tmp_path / "arrow"))
    (tmp_path / "parquet").mkdir()
    whole.to_parquet(str(tmp_path / "parquet" / "test-0.parquet"))
    datasets.DatasetDict({"test": whole}).save_to_disk(str(tmp_path / "dict"))
    for words in ("hf:arrow", "hf:parquet", "hf:parquet#test", "hf:dict", "hf:dict#test"):
        data = open_data(words.replace("hf:", f"hf:{tmp_path}/"))
        assert data.classes == ("cat", "dog") and [isinstance(data.read(i), Bad) for i in range(3)] == [
            False,
            True,
            False,
        ]
        np.testing.assert_array_equal(np.asarray(data.read(2).x), pixels(seed=2))
