import os
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from pellucid.core.errors import BadInput
from pellucid.inputs.data.data import Bad
from pellucid.inputs.data.open import open_data
from tests.inputs.data.files import encoded, folder_of, pixels

PICTURE = encoded(pixels())


def test_folders_are_classes_in_the_order_of_their_bytes(tmp_path: Path) -> None:
    folder_of(
        tmp_path, dog__b_dot_png=PICTURE, cat__z_dot_png=PICTURE, cat__deep__A_dot_PNG=PICTURE, Zoo__a_dot_gif=PICTURE
    )
    (tmp_path / "empty").mkdir()
    data = open_data(f"folder:{tmp_path}")
    assert data.names == ("Zoo/a.gif", "cat/deep/A.PNG", "cat/z.png", "dog/b.png")
    assert data.classes == ("Zoo", "cat", "dog", "empty") and data.labels == (0, 1, 1, 2)
    assert data.read(3).label == 2
    np.testing.assert_array_equal(np.asarray(data.read(0).x), pixels())


def test_torchvision_numbers_the_same(tmp_path: Path) -> None:
    from torchvision.datasets import ImageFolder

    for name in ("b", "10", "9", "B", "ü"):
        folder_of(tmp_path, **{f"{name}__1_dot_png": PICTURE, f"{name}__x__0_dot_png": PICTURE})
    theirs, ours = ImageFolder(str(tmp_path)), open_data(tmp_path)
    assert list(ours.classes) == theirs.classes
    assert dict(zip(ours.names, ours.labels, strict=True)) == {
        Path(path).relative_to(tmp_path).as_posix(): label for path, label in theirs.samples
    }


def test_the_order_of_the_model_goes_before(tmp_path: Path) -> None:
    folder_of(tmp_path, dog__b_dot_png=PICTURE, cat__z_dot_png=PICTURE)
    assert open_data(tmp_path, classes=["cow", "dog", "cat"]).labels == (2, 1)
    with pytest.raises(BadInput, match="none of the 2 classes"):
        open_data(tmp_path, classes=["cow", "dog"])


def test_flat_folders_have_no_labels(tmp_path: Path) -> None:
    folder_of(tmp_path, a_dot_png=PICTURE, cat__b_dot_png=PICTURE)
    data = open_data(tmp_path)
    assert data.labels == (None, None) and data.classes == ()


def test_what_is_no_picture_is_counted_and_hidden_files_are_not(tmp_path: Path) -> None:
    folder_of(tmp_path, a_dot_png=PICTURE, b_dot_txt=b"", c_dot_txt=b"", README=b"")
    folder_of(tmp_path / ".cache", x_dot_png=PICTURE)
    (tmp_path / "._a.png").write_bytes(b"")
    data = open_data(tmp_path)
    assert data.names == ("a.png",)
    assert data.notes[0].en == "3 other files in the folder are no pictures by their names: 2 .txt, 1 without suffix."
    assert "3" in data.notes[0].zh


def test_files_that_differ_by_case_only_and_names_of_every_alphabet(tmp_path: Path) -> None:
    names = ["A.png", "a.png", "B.png", "猫.png", "\u00e9.png", "e\u0301.png", "a b;,'\".png", "-rf.png"]
    for name in names:
        (tmp_path / name).write_bytes(PICTURE)
    data = open_data(tmp_path)
    assert data.names == tuple(sorted(names, key=os.fsencode)) and len(data) == 8
    assert not any(isinstance(data.read(i), Bad) for i in range(8))


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"a\xff.png")).write_bytes(PICTURE)
    (tmp_path / os.fsdecode(b"b\xff.png")).write_bytes(b"none")
    data = open_data(tmp_path)
    assert data.names == ("a\\udcff.png", "b\\udcff.png")
    assert data.read(0).x.size == (16, 12) and len(data.fingerprint) == 64
    assert "b\\udcff.png" in data.read(1).reason


def test_names_of_classes_that_are_no_utf8(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff")).mkdir()
    (tmp_path / os.fsdecode(b"\xff") / "a.png").write_bytes(PICTURE)
    assert open_data(tmp_path).classes == ("\\udcff",) and open_data(tmp_path, classes=["\\udcff"]).labels == (0,)


def test_links(tmp_path: Path) -> None:
    root = folder_of(tmp_path / "root", a_dot_png=PICTURE)
    folder_of(tmp_path / "out", b_dot_png=PICTURE)
    (tmp_path / "out" / "up").symlink_to(tmp_path)
    (root / "inside.png").symlink_to(root / "a.png")
    (root / "outside.png").symlink_to(tmp_path / "out" / "b.png")
    (root / "broken.png").symlink_to(root / "none")
    (root / "self.png").symlink_to(root / "self.png")
    (root / "loop").symlink_to(root)
    (root / "elsewhere").symlink_to(tmp_path / "out")
    data = open_data(root)
    assert data.names == ("a.png", "broken.png", "inside.png", "outside.png", "self.png")
    told = {bad.name: bad.reason for i in range(5) if isinstance(bad := data.read(i), Bad)}
    assert told == {
        "broken.png": "There is no file 'broken.png'.",
        "outside.png": "It is a link that leads out of the folder; refused.",
        "self.png": "There is no file 'self.png'.",
    }
    assert "2 linked folders" in data.notes[0].en
    followed = open_data(root, follow_symlinks=True)
    assert "elsewhere/b.png" in followed.names and followed.read(followed.names.index("outside.png")).x
    assert len(followed) == 6  # a folder that is come to in two ways is listed once


def test_pipes_and_sockets_do_not_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "dir.png").mkdir()
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.png")
        (tmp_path / "zero.png").symlink_to("/dev/zero")
        data = open_data(tmp_path, follow_symlinks=True)
        assert data.names == ("pipe.png", "socket.png", "zero.png")
        for i in range(3):
            assert "not an ordinary file" in data.read(i).reason


def test_a_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of(tmp_path, a__b_dot_png=PICTURE)
    listing = os.scandir

    def refuse(path: Path) -> object:
        if path.name == "a":
            raise PermissionError(13, "Permission denied")
        return listing(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(BadInput, match=r"a' cannot be listed: Permission denied"):
        open_data(tmp_path)


def test_a_file_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder_of(tmp_path, a_dot_png=PICTURE)
    data = open_data(tmp_path)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert data.read(0).reason == "'a.png' cannot be opened: Permission denied."


def test_a_file_that_is_gone_when_it_is_read(tmp_path: Path) -> None:
    folder_of(tmp_path, a_dot_png=PICTURE)
    data = open_data(tmp_path)
    first = data.fingerprint
    (tmp_path / "a.png").unlink()
    assert data.read(0).reason == "There is no file 'a.png'."
    folder_of(tmp_path, a_dot_png=PICTURE + b"0")
    assert open_data(tmp_path).fingerprint != first


def test_folders_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no picture in"):
        open_data(tmp_path)
    folder_of(tmp_path, a_dot_txt=b"")
    with pytest.raises(BadInput, match=r"but 1 \.txt") as caught:
        open_data(tmp_path)
    assert ".jpeg" in caught.value.hint
    (tmp_path / "photos").mkdir()
    with pytest.raises(BadInput, match="no folder") as caught:
        open_data(f"folder:{tmp_path / 'potos'}")
    assert caught.value.nearest == "'photos'"
    with pytest.raises(BadInput, match="is a file"):
        open_data(f"folder:{tmp_path / 'a.txt'}")


def test_the_fingerprint_covers_names_and_sizes_or_content(tmp_path: Path) -> None:
    prints = []
    for place, name, content in (
        ("1", "a.png", b"xyz"),
        ("2", "a.png", b"abc"),
        ("3", "b.png", b"xyz"),
        ("4", "a.png", b"xy"),
    ):
        folder_of(tmp_path / place)
        (tmp_path / place).mkdir()
        (tmp_path / place / name).write_bytes(content)
        prints.append([open_data(tmp_path / place, hash_data=hashed).fingerprint for hashed in (False, True)])
    by_size, by_content = zip(*prints, strict=True)
    assert by_size[0] == by_size[1] and len(set(by_size)) == 3 and len(set(by_content)) == 4


def test_opening_is_cheap(tmp_path: Path) -> None:
    for i in range(2000):
        (tmp_path / f"{i}.png").write_bytes(b"")
    before = time.process_time()
    assert len(open_data(tmp_path)) == 2000
    assert time.process_time() - before < 0.5
