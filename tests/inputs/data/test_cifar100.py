import pickle
from pathlib import Path

import numpy as np
import pytest

from pellucid.core.errors import BadInput
from pellucid.inputs.data.cifar100 import GROUPS, NAMES, read_cifar100
from tests.inputs.test_cifar10 import archive

RNG = np.random.default_rng(0)
ROWS = RNG.integers(0, 256, (4, 3072), dtype=np.uint8)
FINE, COARSE = [0, 99, 3, 50], [19, 0, 5, 7]
PICTURES = ROWS.reshape(4, 3, 32, 32).transpose(0, 2, 3, 1)
PICKLED = {b"data": ROWS, b"fine_labels": FINE, b"coarse_labels": COARSE, b"filenames": [b"a"] * 4}
BINARY = b"".join(bytes([c, f]) + row.tobytes() for c, f, row in zip(COARSE, FINE, ROWS, strict=True))


def check(path: Path) -> None:
    for split in ("train", "test"):
        found = read_cifar100(path, split)
        np.testing.assert_array_equal(found.images, PICTURES)
        assert found.labels.tolist() == FINE and found.groups.tolist() == COARSE
        assert found.names[99] == "worm" and found.group_names[19] == "vehicles_2"


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_python_form(tmp_path: Path, protocol: int) -> None:
    contents = {name: pickle.dumps(PICKLED, protocol) for name in ("train", "test")}
    check(archive(tmp_path / "cifar-100-python.tar.gz", "cifar-100-python", {**contents, "meta": b"junk"}))
    check(tmp_path)
    folder = tmp_path / "unpacked"
    folder.mkdir()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    check(folder)


def test_binary_form(tmp_path: Path) -> None:
    check(archive(tmp_path / "cifar-100-binary.tar.gz", "cifar-100-binary", {"train.bin": BINARY, "test.bin": BINARY}))


def test_torchvision_reads_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import CIFAR100

    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    for name in ("train", "test"):
        (folder / name).write_bytes(pickle.dumps({key.decode(): value for key, value in PICKLED.items()}))
    (folder / "meta").write_bytes(pickle.dumps({"fine_label_names": list(NAMES)}))
    monkeypatch.setattr(CIFAR100, "_check_integrity", lambda self: True)
    monkeypatch.setitem(CIFAR100.meta, "md5", None)
    theirs = CIFAR100(str(tmp_path), train=False)
    np.testing.assert_array_equal(read_cifar100(tmp_path, "test").images, theirs.data)
    assert read_cifar100(tmp_path, "test").labels.tolist() == theirs.targets and theirs.classes == list(NAMES)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (BINARY[:-1], "not a multiple of 3074"),
        (bytes([20, 0]) + bytes(3072), r"labels outside 0\.\.19"),
        (bytes([0, 100]) + bytes(3072), r"labels outside 0\.\.99"),
        (b"", "a label for each picture"),
    ],
)
def test_damaged_files(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "test.bin").write_bytes(content)
    with pytest.raises(BadInput, match=said):
        read_cifar100(tmp_path, "test")


def test_the_other_release_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "test").write_bytes(pickle.dumps({b"data": ROWS, b"labels": FINE}))
    with pytest.raises(BadInput, match="damaged"):
        read_cifar100(tmp_path, "test")


def test_names() -> None:
    assert len(set(NAMES)) == 100 and list(NAMES) == sorted(NAMES)
    assert len(set(GROUPS)) == 20 and list(GROUPS) == sorted(GROUPS)
