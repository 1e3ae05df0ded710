from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pellucid.core.errors import BadInput
from pellucid.inputs.cifar10 import CIFAR10
from pellucid.inputs.data.cifar import located, read_release
from pellucid.inputs.data.cifar100 import CIFAR100


def record(*labels: int) -> bytes:
    return bytes(labels) + bytes(range(256)) * 12


@pytest.mark.parametrize(("release", "record_length"), [(CIFAR10, 3073), (CIFAR100, 3074)])
def test_records(release, record_length: int) -> None:
    assert release.record == record_length


def test_pixels_come_plane_by_plane(tmp_path: Path) -> None:
    (tmp_path / "test_batch.bin").write_bytes(record(7))
    images, labels = read_release(tmp_path, CIFAR10, "test")
    assert labels.tolist() == [[7]] and images.shape == (1, 32, 32, 3)
    np.testing.assert_array_equal(images[0, 0, :, 0], np.arange(32))
    np.testing.assert_array_equal(images[0, 1, 3], [35, 35, 35])


def test_what_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "test_batch.bin").write_bytes(record(7))
    with pytest.raises(BadInput, match="3,073 bytes, too many for a batch of CIFAR-10"):
        read_release(tmp_path, replace(CIFAR10, largest=3072), "test")


def test_where_a_release_lies(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    assert located(tmp_path, CIFAR100) == folder
    (folder / "train").write_bytes(b"")
    assert located(folder, CIFAR100) == folder
    with pytest.raises(BadInput, match="CIFAR-10 does not lie in"):
        located(folder, CIFAR10)
