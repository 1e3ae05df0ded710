"""The official CIFAR-100 release, read where it lies: a hundred classes in twenty groups."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pellucid.inputs.data.cifar import Release, read_release

NAMES = (
    "apple",
    "aquarium_fish",
    "baby",
    "bear",
    "beaver",
    "bed",
    "bee",
    "beetle",
    "bicycle",
    "bottle",
    "bowl",
    "boy",
    "bridge",
    "bus",
    "butterfly",
    "camel",
    "can",
    "castle",
    "caterpillar",
    "cattle",
    "chair",
    "chimpanzee",
    "clock",
    "cloud",
    "cockroach",
    "couch",
    "crab",
    "crocodile",
    "cup",
    "dinosaur",
    "dolphin",
    "elephant",
    "flatfish",
    "forest",
    "fox",
    "girl",
    "hamster",
    "house",
    "kangaroo",
    "keyboard",
    "lamp",
    "lawn_mower",
    "leopard",
    "lion",
    "lizard",
    "lobster",
    "man",
    "maple_tree",
    "motorcycle",
    "mountain",
    "mouse",
    "mushroom",
    "oak_tree",
    "orange",
    "orchid",
    "otter",
    "palm_tree",
    "pear",
    "pickup_truck",
    "pine_tree",
    "plain",
    "plate",
    "poppy",
    "porcupine",
    "possum",
    "rabbit",
    "raccoon",
    "ray",
    "road",
    "rocket",
    "rose",
    "sea",
    "seal",
    "shark",
    "shrew",
    "skunk",
    "skyscraper",
    "snail",
    "snake",
    "spider",
    "squirrel",
    "streetcar",
    "sunflower",
    "sweet_pepper",
    "table",
    "tank",
    "telephone",
    "television",
    "tiger",
    "tractor",
    "train",
    "trout",
    "tulip",
    "turtle",
    "wardrobe",
    "whale",
    "willow_tree",
    "wolf",
    "woman",
    "worm",
)
GROUPS = (
    "aquatic_mammals",
    "fish",
    "flowers",
    "food_containers",
    "fruit_and_vegetables",
    "household_electrical_devices",
    "household_furniture",
    "insects",
    "large_carnivores",
    "large_man-made_outdoor_things",
    "large_natural_outdoor_scenes",
    "large_omnivores_and_herbivores",
    "medium_mammals",
    "non-insect_invertebrates",
    "people",
    "reptiles",
    "small_mammals",
    "trees",
    "vehicles_1",
    "vehicles_2",
)
CIFAR100 = Release(
    "CIFAR-100",
    ("cifar-100-python", "cifar-100-binary"),
    ("cifar-100-python.tar.gz", "cifar-100-binary.tar.gz"),
    {"train": ["train"], "test": ["test"]},
    ("coarse_labels", "fine_labels"),
    (len(GROUPS), len(NAMES)),
    320_000_000,
    ".",
)


@dataclass(frozen=True, eq=False)
class Cifar100:
    """One part of the data set, in the order of its file.

    Args:
        images: `(image, 32, 32, 3)`, bytes.
        labels: `(image,)`, indices into `names`.
        groups: `(image,)`, indices into `group_names`.
    """

    images: np.ndarray
    labels: np.ndarray
    groups: np.ndarray
    names: tuple[str, ...] = NAMES
    group_names: tuple[str, ...] = GROUPS


def read_cifar100(path: str | Path, split: Literal["train", "test"] = "train") -> Cifar100:
    """Read the Python or the binary form, from its folder or from its `.tar.gz` as it is.

    Args:
        path: the archive, its unpacked folder, or the folder that either lies in.
    Raises:
        BadInput: it is not there, not complete, or not what it claims to be.
    """
    images, labels = read_release(path, CIFAR100, split)
    return Cifar100(images, labels[:, 1], labels[:, 0])
