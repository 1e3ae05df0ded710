"""`cifar10:DIR` and `cifar100:DIR` as data sets."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pellucid.inputs.cifar10 import CIFAR10, NAMES
from pellucid.inputs.data import cifar100
from pellucid.inputs.data.cifar import Release, read_release
from pellucid.inputs.data.labels import numbered
from pellucid.inputs.data.rows import Rows


@dataclass(frozen=True)
class Released:
    """One part of a release, read again where it is needed."""

    path: Path
    release: Release
    split: str

    def open(self) -> np.ndarray:
        """The pictures."""
        return read_release(self.path, self.release, self.split)[0]


def open_cifar10(path: Path, *, split: str = "train", classes: Sequence[str] | None = None) -> Rows:
    """CIFAR-10 as released.

    Raises:
        BadInput: it is not there, or damaged.
    """
    return _opened(path, CIFAR10, split, 0, NAMES, classes)


def open_cifar100(
    path: Path, *, split: str = "train", groups: bool = False, classes: Sequence[str] | None = None
) -> Rows:
    """CIFAR-100 as released, labelled by its hundred classes or its twenty groups.

    Raises:
        BadInput: it is not there, or damaged.
    """
    names = cifar100.GROUPS if groups else cifar100.NAMES
    return _opened(path, cifar100.CIFAR100, split, 0 if groups else 1, names, classes)


def _opened(
    path: Path, release: Release, split: str, field: int, names: tuple[str, ...], classes: Sequence[str] | None
) -> Rows:
    images, labels = read_release(path, release, split)
    numbers = labels[:, field]
    if classes is not None:
        numbers, names = numbered([names[number] for number in numbers], classes, release.name)
    return Rows(Released(path, release, split), numbers, names, "NHWC", opened=images)
