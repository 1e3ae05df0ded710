"""What stands after `--data`."""

import numpy as np
import pytest
from PIL import Image

from pellucid.cli.data import data_of, is_code
from pellucid.core.errors import BadInput, BadSetting

CODE = """
import numpy as np


class Rows:
    def __init__(self, count=3):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        return np.full(4, i, np.float32), i


class Needs(Rows):
    def __init__(self, root):
        super().__init__()


made = Rows(5)
number = 3


def stream():
    return iter(made)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Every test runs in a folder of its own with some code beside it."""
    (tmp_path / "rows_of_a_test.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "count"),
    [
        ("rows_of_a_test.py:Rows", 3),
        ("rows_of_a_test.py:made", 5),
        ("py:rows_of_a_test:Rows", 3),
        ("py:rows_of_a_test.py:made", 5),
    ],
)
def test_code_of_the_user_runs_and_that_is_told(words, count):
    data, notes = data_of(words)
    assert len(data) == count and data.said == words and data.read(2).label == 2
    assert "rows_of_a_test.py" in notes[0].en and "rows_of_a_test.py" in notes[0].say("zh") and notes[0].aside


def test_words_are_opened_as_the_library_opens_them(folder):
    np.save(folder / "x.npy", np.zeros((6, 2), np.float32))
    data, notes = data_of("npy:x.npy")
    assert len(data) == 6 and notes == () and not is_code("npy:x.npy") and not is_code("folder:a.py/b")


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        ("rows_of_a_test.py:Row", BadSetting, "'Rows'"),
        ("rows_of_a_test.py:Needs", BadSetting, "'root'"),
        ("rows_of_a_test.py:number", BadInput, "no numbered samples"),
        ("rows_of_a_test.py:stream", BadInput, "a map-style Dataset, or words"),
        ("py:rows_of_a_test", BadInput, "py:module:factory"),
        ("folder:photo", BadInput, "There is no folder 'photo'"),
        ("fold:photo", BadInput, "'folder:'"),
        ("what", BadInput, "py:module:factory or file.py:factory"),
        ("cat.png", BadInput, "pellucid see MODEL cat.png"),
    ],
)
def test_what_is_no_data_set_is_told_with_what_would_be(folder, words, kind, said):
    Image.new("RGB", (4, 4)).save(folder / "cat.png")
    with pytest.raises(kind) as error:
        data_of(words)
    assert said in str(error.value) and error.value.asked_by == f"--data {words}"


def test_refusals_name_the_option_that_lifts_them(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "a.npy"
    np.save(other, np.zeros(3, np.float32))
    (folder / "list.csv").write_text(f"path,label\n{other},0\n")
    with pytest.raises(BadInput) as error:
        data_of("list:list.csv")
    assert "--allow-absolute" in str(error.value)
    assert len(data_of("list:list.csv", allow_absolute=True)[0]) == 1
