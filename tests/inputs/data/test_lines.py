import pickle
from pathlib import Path

import pytest

from pellucid.core.errors import BadInput
from pellucid.inputs.data.data import Bad
from pellucid.inputs.data.lines import LONGEST
from pellucid.inputs.data.open import open_data


def opened(tmp_path: Path, content: bytes):
    (tmp_path / "a.txt").write_bytes(content)
    return open_data(f"text:{tmp_path / 'a.txt'}")


def test_a_line_is_a_sample(tmp_path: Path) -> None:
    data = opened(tmp_path, "\ufeffone\r\n\n  \ntwo 猫\nthree".encode())
    assert [data.read(i).x for i in range(3)] == ["one", "two 猫", "three"]
    assert data.names == ("line 1", "line 4", "line 5") and data.labels == (None,) * 3
    assert data.notes[0].en == "2 empty lines are no samples." and "2" in data.notes[0].zh
    assert pickle.loads(pickle.dumps(data)).read(2).x == "three"


def test_bad_lines(tmp_path: Path) -> None:
    data = opened(tmp_path, b"caf\xe9\nok\n" + b"x" * (2 * LONGEST) + b"\nlast\n" + b"y" * LONGEST)
    told = [one.reason if isinstance(one := data.read(i), Bad) else one.x[:9] for i in range(5)]
    assert told == ["The text is not UTF-8.", "ok", "The line is longer than 1,000,000 bytes.", "last", "y" * 9]


@pytest.mark.parametrize(("content", "said"), [(b"", "empty"), (b"\n \n", "no line"), (b"\xef\xbb\xbf", "no line")])
def test_files_without_lines(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        opened(tmp_path, content)


def test_the_fingerprint_follows_the_size_or_the_content(tmp_path: Path) -> None:
    assert opened(tmp_path, b"a\nb").fingerprint == opened(tmp_path, b"c\nd").fingerprint
    assert opened(tmp_path, b"a\nb").fingerprint != opened(tmp_path, b"a\nbc").fingerprint
    (tmp_path / "a.txt").write_bytes(b"a\nb")
    first = open_data(tmp_path / "a.txt", hash_data=True).fingerprint
    (tmp_path / "a.txt").write_bytes(b"c\nd")
    assert open_data(tmp_path / "a.txt", hash_data=True).fingerprint != first
