import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pellucid.core.errors import BadInput
from pellucid.inputs.data.data import Bad, Data, Sample, told
from pellucid.inputs.data.items import Items
from pellucid.inputs.data.open import open_data
from tests.inputs.data.files import encoded, pixels


class Raising:
    """A data set whose items raise what they are."""

    def __init__(self, *items: object) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, i: int) -> object:
        if isinstance(self.items[i], BaseException):
            raise self.items[i]
        return self.items[i]


def test_whatever_is_raised_becomes_a_bad_sample() -> None:
    data = open_data(
        Raising(1.0, ValueError("no\n  luck at 0x7f00deadbeef"), BadInput("worn out", hint="x"), OSError(5, "EIO"))
    )
    assert data.read(0).x == 1.0
    assert data.read(1) == Bad(1, "item 1", "ValueError: no luck at 0x…", "failed")
    assert data.read(2) == Bad(2, "item 2", "worn out", "unreadable")
    assert data.read(3) == Bad(3, "item 3", "It cannot be opened: EIO.", "unreadable")


def test_an_interrupt_is_no_bad_sample() -> None:
    with pytest.raises(KeyboardInterrupt):
        open_data(Raising(KeyboardInterrupt())).read(0)


@pytest.mark.parametrize("ordinal", [-1, 2])
def test_a_sample_that_does_not_exist_is_the_callers_error(ordinal: int) -> None:
    with pytest.raises(IndexError, match="among 2"):
        open_data([1.0, 2.0]).read(ordinal)


def test_reasons_do_not_tell_where_the_files_lie(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no picture")
    bad = open_data(tmp_path).read(0)
    assert isinstance(bad, Bad) and str(tmp_path) not in bad.reason
    assert bad.reason == "'a.png' is not a picture that is read here."


def test_reasons_are_short() -> None:
    assert len(open_data(Raising(ValueError("a" * 9999))).read(0).reason) == 300


def test_pictures_are_decoded_with_the_settings_of_the_data_set() -> None:
    gray = Image.fromarray(pixels()).convert("L")
    data = open_data([gray, encoded(pixels()), (encoded(pixels()), 3)])
    first, second, third = (data.read(i) for i in range(3))
    assert first.x.mode == "RGB" and first.given is gray
    np.testing.assert_array_equal(np.asarray(second.x), pixels())
    assert third.label == 3 and second.given is None
    assert "pixels, more than 10" in open_data([gray], max_pixels=10).read(0).reason


def test_fingerprints_tell_settings_apart_and_are_the_same_again() -> None:
    arrays = [pixels(), pixels(seed=1)]
    prints = [
        open_data(np.stack(arrays), **how).fingerprint
        for how in ({}, {"exif": False}, {"max_pixels": 9}, {"labels": [0, 1]}, {"labels": [1, 0]}, {"hash_data": True})
    ]
    assert len(set(prints)) == len(prints)
    assert open_data(np.stack(arrays)).fingerprint == prints[0]
    assert open_data(np.stack(arrays[::-1])).fingerprint != prints[0]


def test_names_that_are_no_text_can_be_printed() -> None:
    class Odd(Items):
        def name(self, ordinal: int) -> str:
            return "a\udcff"

    assert Data(Odd([1]), "odd").names == ("a\\udcff",)


def test_labels_one_by_one() -> None:
    data = open_data(np.zeros((2, 3)), labels=[4, 1])
    assert (data.label(0), data.label(1)) == data.labels == (4, 1)


def test_it_says_what_it_is() -> None:
    assert repr(open_data(np.zeros((3, 2)))) == "Data(ndarray in memory, 3 samples)"
    assert "2 classes" in repr(open_data(np.zeros((3, 2)), labels=["a", "b", "a"]))


def test_pickled_it_reads_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(pixels()))
    data = open_data(tmp_path)
    again = pickle.loads(pickle.dumps(data))
    assert again.names == data.names and again.fingerprint == data.fingerprint
    np.testing.assert_array_equal(np.asarray(again.read(0).x), np.asarray(data.read(0).x))


def test_errors_in_one_line() -> None:
    assert told(BadInput("a  b\nc")) == "a b c"
    assert told(KeyError("k")) == "KeyError: 'k'"
    assert told(ValueError("\udcff")) == "ValueError: \\udcff"
    assert Sample(1).label is None
