"""The official CIFAR-10 release, read where it lies: nothing is downloaded, unpacked or trusted."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pellucid.inputs.data.cifar import Release, read_release

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR10 = Release(
    "CIFAR-10",
    ("cifar-10-batches-py", "cifar-10-batches-bin"),
    ("cifar-10-python.tar.gz", "cifar-10-binary.tar.gz"),
    {"train": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]},
    ("labels",),
    (len(NAMES),),
    64_000_000,
    "; is it CIFAR-100?",
)


@dataclass(frozen=True, eq=False)
class Cifar10:
    """One half of the data set, in the order of its files.

    Args:
        images: `(image, 32, 32, 3)`, bytes.
        labels: `(image,)`, indices into `names`.
    """

    images: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...] = NAMES


def read_cifar10(path: str | Path, split: Literal["train", "test"] = "train") -> Cifar10:
    """Read the Python or the binary form, from its folder or from its `.tar.gz` as it is.

    Args:
        path: the archive, its unpacked folder, or the folder that either lies in.
        split: "train" (five files) or "test" (one).
    Raises:
        BadInput: it is not there, not complete, or not what it claims to be.
    """
    images, labels = read_release(path, CIFAR10, split)
    return Cifar10(images, labels[:, 0])
