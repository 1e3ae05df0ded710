from pathlib import Path

import pytest

from pellucid.core.errors import BadInput
from pellucid.inputs.data.inside import file_inside, is_inside


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    (tmp_path / "root2").mkdir()
    (made / "out").symlink_to(tmp_path / "root2")
    (made / "loop").symlink_to(made / "loop")
    return made


def test_inside(root: Path) -> None:
    assert is_inside(root / "a/../b", str(root.resolve()))
    for path in (root.parent / "root2", root / "out" / "a", root / ".." / "x", root / "a\0"):
        assert not is_inside(path, str(root.resolve()))


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "out/a.png", "a/../../x"])
def test_paths_that_lead_out(root: Path, path: str) -> None:
    with pytest.raises(BadInput, match="refused") as caught:
        file_inside(root, path, "permit")
    assert caught.value.hint == "permit"


def test_paths_that_stay(root: Path) -> None:
    assert file_inside(root, "a/b.png", "") == root / "a/b.png"
    assert file_inside(root, "loop", "") == root / "loop"
