import gzip
from pathlib import Path

import pytest

from pellucid.core.errors import BadWeights
from pellucid.inputs.checkpoints.checkpoint import read_weights
from pellucid.inputs.checkpoints.foreign import refuse_foreign

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab\nsize 12345\n"
PAGE = b"\n<!DOCTYPE html><html><head><title>404 Not Found</title></head></html>"


@pytest.mark.parametrize("name", ["a.pth", "a.pt2", "a.onnx", "a.safetensors", "a"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (POINTER, "a pointer of Git LFS"),
        (PAGE, "a web page, as a failed download leaves it: '<!DOCTYPE html>"),
        (b'{"error": "not allowed", "status": 403}', """a text, not weights; it begins with '{"error": "not"""),
        (gzip.compress(b"x" * 99, mtime=0), "packed by gzip"),
        (b"\xff\xd8\xff\xe0 and more", "a picture"),
        (b"\x93NUMPY\x01\x00", "one array of NumPy"),
    ],
)
def test_what_a_file_is_instead_whatever_it_is_called(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadWeights, match=words) as told:
        read_weights(tmp_path / name)
    assert told.value.hint


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"\x80\x02}q\x00.", b"\x08\x08\x12\x07pytorch", b"few", bytes(40)])
def test_anything_that_may_be_a_network_passes(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    refuse_foreign(tmp_path / "a")
