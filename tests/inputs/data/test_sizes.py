import hashlib
from pathlib import Path

from pellucid.inputs.data.sizes import file_identity


def test_size_and_content(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"abc")
    assert file_identity(file, content=False) == "3"
    assert file_identity(file, content=True) == f"3 {hashlib.sha256(b'abc').hexdigest()}"
    assert file_identity(tmp_path / "none", content=True) == "-"
    assert file_identity(Path("a\0b"), content=False) == "-"
    assert "SHA" not in file_identity(tmp_path, content=True)
