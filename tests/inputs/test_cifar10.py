import io
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from pellucid.core.errors import BadInput
from pellucid.inputs.cifar10 import NAMES, read_cifar10

FILES = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
RNG = np.random.default_rng(0)
IMAGES = {name: RNG.integers(0, 256, (4, 32, 32, 3), dtype=np.uint8) for name in FILES}
LABELS = {name: RNG.integers(0, 10, 4).tolist() for name in FILES}


def rows(name: str) -> np.ndarray:
    return np.ascontiguousarray(IMAGES[name].transpose(0, 3, 1, 2).reshape(4, 3072))


def pickled(name: str, protocol: int) -> bytes:
    return pickle.dumps(
        {b"batch_label": b"x", b"labels": LABELS[name], b"data": rows(name), b"filenames": [b"a"] * 4}, protocol
    )


def as_python2_wrote_it(name: str) -> bytes:
    """The opcodes of the official files: Python 2 strings, numpy's names of 2009."""
    raw = rows(name).tobytes()
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR(K\x01(K\x04M\x00\x0ct"
        b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
        + len(raw).to_bytes(4, "little")
        + raw
        + b"tb"
    )
    labels = b"](" + b"".join(b"K" + bytes([label]) for label in LABELS[name]) + b"e"
    return b"\x80\x02}(U\x04data" + array + b"U\x06labels" + labels + b"u."


def binary(name: str) -> bytes:
    return b"".join(bytes([label]) + row.tobytes() for label, row in zip(LABELS[name], rows(name), strict=True))


def archive(file: Path, folder: str, contents: dict[str, bytes]) -> Path:
    with tarfile.open(file, "w:gz") as tar:
        for name, content in {"readme.html": b"<html>", **contents}.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return file


def check(path: Path) -> None:
    train, test = read_cifar10(path), read_cifar10(path, "test")
    np.testing.assert_array_equal(train.images, np.concatenate([IMAGES[name] for name in FILES[:5]]))
    np.testing.assert_array_equal(test.images, IMAGES["test_batch"])
    assert (
        train.labels.tolist() == [label for name in FILES[:5] for label in LABELS[name]]
        and test.labels.dtype == np.int64
    )
    assert train.images.dtype == np.uint8 and train.names == NAMES and train.names[3] == "cat"


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
def test_python_form_of_every_protocol(tmp_path: Path, protocol: int) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in FILES:
        (folder / name).write_bytes(pickled(name, protocol))
    check(folder)
    check(tmp_path)


def test_python_form_as_released_inside_its_archive(tmp_path: Path) -> None:
    contents = {name: as_python2_wrote_it(name) for name in reversed(FILES)}
    check(archive(tmp_path / "cifar-10-python.tar.gz", "cifar-10-batches-py", contents))
    check(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["cifar-10-python.tar.gz"]


def test_binary_form(tmp_path: Path) -> None:
    contents = {f"{name}.bin": binary(name) for name in FILES}
    check(archive(tmp_path / "cifar-10-binary.tar.gz", "cifar-10-batches-bin", contents))
    folder = tmp_path / "unpacked"
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    check(folder)


def test_torchvision_reads_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import CIFAR10

    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in FILES:
        (folder / name).write_bytes(as_python2_wrote_it(name))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list(NAMES)}))
    monkeypatch.setattr(CIFAR10, "_check_integrity", lambda self: True)
    monkeypatch.setitem(CIFAR10.meta, "md5", None)
    theirs = CIFAR10(str(tmp_path), train=True)
    np.testing.assert_array_equal(read_cifar10(tmp_path).images, theirs.data)
    assert read_cifar10(tmp_path).labels.tolist() == theirs.targets


class Payload:
    def __reduce__(self) -> tuple:
        return os.system, (f"touch {Payload.canary}",)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_no_code_of_the_file_runs(tmp_path: Path, protocol: int) -> None:
    Payload.canary = tmp_path / "canary"
    (tmp_path / "test_batch").write_bytes(pickle.dumps({b"data": Payload(), b"labels": [0]}, protocol))
    with pytest.raises(BadInput, match=r"asks to run '(posix|nt)\.system'"):
        read_cifar10(tmp_path, "test")
    assert not Payload.canary.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "damaged"),
        (b"\x80\x02}", "damaged"),
        (b"hello", "damaged"),
        (pickle.dumps([1]), "holds list"),
        (pickle.dumps({}), "damaged"),
        (pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [1]}), "3072 bytes and a label"),
        (pickle.dumps({"data": np.zeros((1, 3072), np.float32), "labels": [1]}), "array of 'f4'"),
        (pickle.dumps({"data": np.array([[{}]]), "labels": [1]}), "array of 'O8'"),
        (pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [55]}), "CIFAR-100"),
        (pickle.dumps({"data": np.zeros((0, 3072), np.uint8), "labels": []}), "3072 bytes and a label"),
        (pickle.dumps({"data": b"x", "labels": [1]}), "3072 bytes and a label"),
        (
            b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(J\xff\xff\xff\x7fJ\xff\xff\xff\x7ftU\x01btR.",
            "holds _Array",
        ),
    ],
)
def test_damaged_batches(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "test_batch").write_bytes(content)
    with pytest.raises(BadInput, match=words) as caught:
        read_cifar10(tmp_path, "test")
    assert "test_batch" in caught.value.what


def test_incomplete_and_absent(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="does not lie in") as caught:
        read_cifar10(tmp_path)
    assert "cifar-10-python.tar.gz" in caught.value.hint
    (tmp_path / "data_batch_1").write_bytes(pickled("data_batch_1", 2))
    with pytest.raises(BadInput, match="lacks data_batch_2, data_batch_3"):
        read_cifar10(tmp_path)
    with pytest.raises(BadInput, match="no part 'valid'"):
        read_cifar10(tmp_path, "valid")


def test_bad_archives(tmp_path: Path) -> None:
    file = archive(tmp_path / "cifar-10-binary.tar.gz", "a", {"test_batch.bin": binary("test_batch")[:-1]})
    with pytest.raises(BadInput, match="not a multiple of 3073"):
        read_cifar10(file, "test")
    whole = archive(file, "a", {"test_batch.bin": binary("test_batch")}).read_bytes()
    for cut in (whole[: len(whole) // 2], b"no archive", b""):
        file.write_bytes(cut)
        with pytest.raises(BadInput, match=r"not an archive|lacks"):
            read_cifar10(file, "test")


def test_an_archive_that_claims_too_much_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "cifar-10-binary.tar"
    member = tarfile.TarInfo("a/test_batch.bin")
    member.size = 10**12
    file.write_bytes(member.tobuf() + bytes(1024))
    with pytest.raises(BadInput, match="1,000,000,000 bytes"):
        read_cifar10(file, "test")


def test_links_in_an_archive_are_not_followed(tmp_path: Path) -> None:
    file = tmp_path / "cifar-10-binary.tar"
    member = tarfile.TarInfo("a/test_batch.bin")
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    file.write_bytes(member.tobuf() + bytes(1024))
    with pytest.raises(BadInput, match="lacks test_batch"):
        read_cifar10(file, "test")
