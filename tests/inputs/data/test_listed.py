from pathlib import Path

import numpy as np
import pytest

from pellucid.core.errors import BadInput
from pellucid.inputs.data.data import Bad
from pellucid.inputs.data.listed import utf8
from pellucid.inputs.data.open import open_data
from tests.inputs.data.files import encoded, pixels

PICTURE = encoded(pixels())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png", "猫 é.png", "a,b.png"):
        (tmp_path / name).write_bytes(PICTURE)
    return tmp_path


def written(root: Path, words: str | bytes, name: str = "list.csv") -> str:
    (root / name).write_bytes(words if isinstance(words, bytes) else words.encode())
    return f"list:{root / name}"


@pytest.mark.parametrize(
    "words",
    [
        "a.png,dog\nb.png,cat\n",
        "path,label\na.png,dog\nb.png,cat",
        "label,image,other\ndog,a.png,1\ncat,b.png,2\n",
        "\ufeffpath,label\r\na.png,dog\r\n\r\nb.png,cat\r\n",
        "\ufeffa.png,dog\r\nb.png,cat\r\n",
        '"a.png","dog"\n"b.png"," cat "\n',
    ],
)
def test_the_same_list_in_many_hands(root: Path, words: str) -> None:
    data = open_data(written(root, words))
    assert data.names == ("a.png", "b.png") and data.labels == (1, 0) and data.classes == ("cat", "dog")
    np.testing.assert_array_equal(np.asarray(data.read(1).x), pixels())


def test_tabs_and_json_lines(root: Path) -> None:
    assert open_data(written(root, "a.png\t1\nb.png\t0\n", "list.tsv")).labels == (1, 0)
    lines = '\ufeff{"path": "a.png", "label": 3}\r\n\n{"file": "b.png"}\n'
    data = open_data(written(root, lines, "list.jsonl"))
    assert data.names == ("a.png", "b.png") and data.labels == (3, None)
    assert not isinstance(data.read(1), Bad)


def test_names_of_every_alphabet_and_quoted_commas(root: Path) -> None:
    data = open_data(written(root, '猫 é.png,猫\n"a,b.png",犬\n'))
    assert data.classes == ("犬", "猫") and not any(isinstance(data.read(i), Bad) for i in range(2))


def test_texts(root: Path) -> None:
    data = open_data(written(root, 'label,text\n0,"one, two\nthree"\n1,four\n'))
    assert data.read(0).x == "one, two\nthree" and data.names == ("line 3", "line 4") and data.labels == (0, 1)
    again = open_data(written(root, '{"text": "a b", "label": "x"}\n', "list.jsonl"))
    assert again.read(0).x == "a b" and again.fingerprint_covers == "content"


def test_bad_rows_are_bad_samples(root: Path) -> None:
    rows = ["a.png,0", "none.png,1", "/etc/hostname,0", "../x.png,0", ",1", "a.png", "a\0b.png,1"]
    data = open_data(written(root, "\n".join(rows)))
    told = [one.reason if isinstance(one := data.read(i), Bad) else one.label for i in range(7)]
    assert told == [
        0,
        "There is no file 'none.png'.",
        "'/etc/hostname' is an absolute path; refused.",
        "'../x.png' leads out of the folder of the data set; refused.",
        "Line 5 of the list has no path.",
        None,
        "'a\0b.png' leads out of the folder of the data set; refused.",
    ]
    assert len(data.fingerprint) == 64


def test_a_row_may_name_an_array(root: Path) -> None:
    np.save(root / "a.npy", np.arange(3.0))
    (root / "b.npy").write_bytes(b"none")
    data = open_data(written(root, "a.npy,1\nb.npy,0\n"))
    assert data.read(0).x.tolist() == [0, 1, 2] and data.read(0).label == 1
    assert data.read(1).reason.startswith("'b.npy' is not an array that can be read")


def test_absolute_paths_need_permission(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "x.png"
    elsewhere.write_bytes(PICTURE)
    source = written(root, f"{elsewhere},0\n")
    with pytest.raises(BadInput, match="are absolute; refused") as caught:
        open_data(source)
    assert "allow_absolute=True" in caught.value.hint
    assert open_data(source, allow_absolute=True).read(0).label == 0


def test_a_link_does_not_lead_out(root: Path) -> None:
    (root / "link.png").symlink_to("/etc/hostname")
    assert "leads out" in open_data(written(root, "link.png\n")).read(0).reason


def test_texts_that_are_no_utf8(root: Path) -> None:
    data = open_data(written(root, b"text,label\ncaf\xe9,0\nok,1\n"))
    assert data.read(0).reason == "The text is not UTF-8." and data.read(1).x == "ok"
    with pytest.raises(BadInput, match="UTF-8"):
        utf8("\udce9")


def test_letters_that_no_file_can_have(root: Path) -> None:
    lines = b'{"path": "a\\ud800.png", "label": "x\\ud800"}\n{"path": "a.png", "label": "caf\xe9"}\n'
    data = open_data(written(root, lines, "list.jsonl"))
    assert data.classes == ("caf\\udce9", "x\\ud800") and data.names[0] == "a\\ud800.png"
    assert "leads out" in data.read(0).reason and data.read(1).label == 0 and len(data.fingerprint) == 64


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("a.csv", "", "is empty"),
        ("a.csv", "\n\r\n", "no rows"),
        ("a.csv", "path,label\n", "no rows"),
        ("a.csv", "x" * 200_000, "field larger"),
        ("a.csv", "a.png,-3\n", "label -3"),
        ("a.jsonl", "{'path': 1}\n", "Line 1 of .* is not JSON"),
        ("a.jsonl", "[" * 100_000, "not JSON"),
        ("a.jsonl", '{"label": 1}\n', "no path or text"),
        ("a.jsonl", '["a.png"]\n', "no path or text"),
        ("a.jsonl", '{"path": 3}\n', "no path or text"),
        ("a.jsonl", '{"path": "a.png", "label": 0.5}\n', "neither a name nor a whole number"),
        ("a.jsonl", '{"path": "a.png", "label": true}\n', "neither a name"),
        ("a.jsonl", '{"path": "a.png"}\n{"text": "b"}\n', "rows with a path and rows with a text"),
    ],
)
def test_lists_that_are_none(root: Path, name: str, words: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        open_data(written(root, words, name))


def test_the_fingerprint_follows_rows_labels_and_sizes(root: Path) -> None:
    prints = [open_data(written(root, words)).fingerprint for words in ("a.png,0", "b.png,0", "a.png,1", "a.png")]
    (root / "a.png").write_bytes(b"other")
    prints.append(open_data(written(root, "a.png,0")).fingerprint)
    assert len(set(prints)) == 5
