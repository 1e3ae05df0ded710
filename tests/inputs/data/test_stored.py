import io
import pickle
import resource
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pellucid.core.errors import BadInput
from pellucid.inputs.data.stored import Stored, arrays_in
from tests.inputs.data.files import npy, zipped

VALUES = np.arange(24, dtype=np.float32).reshape(4, 3, 2)


def saved(values: np.ndarray, **how: object) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values, **how)
    return stream.getvalue()


@pytest.mark.parametrize(
    "values", [VALUES, np.asfortranarray(VALUES), VALUES.astype(">i2"), VALUES[:, 0] > 3, VALUES[:1, 0, 0]]
)
def test_what_numpy_wrote(tmp_path: Path, values: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", values)
    np.savez(tmp_path / "a.npz", other=np.zeros(3), x=values)
    np.savez_compressed(tmp_path / "b.npz", x=values)
    for stored in (Stored(tmp_path / "a.npy"), Stored(tmp_path / "a.npz", "x"), Stored(tmp_path / "b.npz", "x")):
        found = stored.open()
        np.testing.assert_array_equal(found, values)
        assert found.dtype == values.dtype
    assert arrays_in(tmp_path / "a.npz")["x"] == (values.shape, values.dtype)


def test_files_are_mapped_unless_they_are_packed(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", VALUES)
    np.savez(tmp_path / "a.npz", x=VALUES)
    np.savez_compressed(tmp_path / "b.npz", x=VALUES)
    assert isinstance(Stored(tmp_path / "a.npy").open(), np.memmap)
    assert isinstance(Stored(tmp_path / "a.npz", "x").open(), np.memmap)
    assert not isinstance(Stored(tmp_path / "b.npz", "x").open(), np.memmap)


class Payload:
    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple:
        return Path.touch, (self.canary,)


def test_no_pickle_is_opened(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    objects = np.array([Payload(canary)], dtype=object)
    (tmp_path / "a.npy").write_bytes(saved(objects, allow_pickle=True))
    zipped(tmp_path / "a.npz", x=saved(objects, allow_pickle=True))
    for stored in (Stored(tmp_path / "a.npy"), Stored(tmp_path / "a.npz", "x")):
        with pytest.raises(BadInput, match="objects, and loading those can run code"):
            stored.open()
    (tmp_path / "b.npy").write_bytes(pickle.dumps(objects))
    zipped(tmp_path / "b.npz", x=pickle.dumps(objects))
    for reading in (Stored(tmp_path / "b.npy").open, lambda: arrays_in(tmp_path / "b.npz")):
        with pytest.raises(BadInput, match="can be read"):
            reading()
    assert not canary.exists()


BODY = bytes(96)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (npy((10**6, 10**6), body=BODY), "claims 4,000,000,000,000 bytes"),
        (npy((2**40, 2**40), body=BODY), "claims .* bytes"),
        (npy((25,), body=BODY), "claims 100 bytes of numbers"),
        (npy((-1, 3), body=BODY), "claims the shape"),
        (npy((4,), "|O", body=BODY), "objects"),
        (npy((4,), "<U2", body=BODY), "array of '<U2'"),
        (npy((4,), "V8", body=BODY), "refused"),
        (npy((4,), "nonsense", body=BODY), "not an array that can be read"),
        (npy(("a",), body=BODY), "not an array that can be read"),
        (npy((4,))[:20], "not an array that can be read"),
        (b"\x93NUMPY\x03\x00" + bytes(9), "format 3.0"),
        (b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535, "not an array that can be read"),
        (b"just words, no array", "not an array that can be read"),
        (b"", "is empty"),
    ],
)
@pytest.mark.parametrize("kind", ["npy", "stored", "packed"])
def test_headers_that_lie(tmp_path: Path, content: bytes, said: str, kind: str) -> None:
    before, memory = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if kind == "npy":
        (tmp_path / "a.npy").write_bytes(content)
        stored = Stored(tmp_path / "a.npy")
    else:
        how = zipfile.ZIP_STORED if kind == "stored" else zipfile.ZIP_DEFLATED
        stored, said = Stored(zipped(tmp_path / "a.npz", how, x=content), "x"), said.replace("is empty", "can be read")
    with pytest.raises(BadInput, match=said):
        stored.open()
    assert time.process_time() - before < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 50_000  # KiB


def test_a_packed_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.npy", "w", force_zip64=True) as stream,
    ):
        stream.write(npy((5 * 2**30,), "|u1"))
        stream.write(bytes(2**20))
    with pytest.raises(BadInput, match=r"claims 5,368,709,120 bytes .* holds 1,048,576") as caught:
        Stored(tmp_path / "a.npz", "x").open()
    assert "numpy.save" in caught.value.hint


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" + bytes(40), b"no archive at all"])
def test_archives_that_are_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    for reading in (Stored(tmp_path / "a.npz", "x").open, lambda: arrays_in(tmp_path / "a.npz")):
        with pytest.raises(BadInput, match=r"can be read|is empty"):
            reading()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_arrays_of_one_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for _ in range(2):
            archive.writestr("x.npy", saved(VALUES))
    with pytest.raises(BadInput, match="two arrays of one name"):
        arrays_in(tmp_path / "a.npz")


def test_a_name_that_is_not_there(tmp_path: Path) -> None:
    zipped(tmp_path / "a.npz", images=saved(VALUES))
    with pytest.raises(BadInput, match="no array 'image'") as caught:
        Stored(tmp_path / "a.npz", "image").open()
    assert caught.value.nearest == "'images'"


def test_a_local_header_that_points_elsewhere(tmp_path: Path) -> None:
    content = bytearray(zipped(tmp_path / "a.npz", x=saved(VALUES)).read_bytes())
    content[26:30] = b"\xff\xff\xff\xff"
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(BadInput, match="can be read"):
        Stored(tmp_path / "a.npz", "x").open()
