"""How much a channel prefers one class to the others (Morcos et al. 2018)."""

from dataclasses import dataclass

import numpy as np

from pellucid.engine.sweeps.reducers import State
from pellucid.results.array import as_array


@dataclass(frozen=True, eq=False)
class Selective:
    """The class selectivity of every channel.

    Args:
        index: `(largest - rest) / (largest + rest)`, of the largest class mean and the mean of the others; 0 to 1, NaN
            where a class mean is below zero, where all are zero, or where a value was not finite.
        prefers: the class with the largest mean, -1 where there is no index.
        below: channels that have no index because a class mean is below zero.
        counts: samples of each class that has any.
    """

    index: np.ndarray
    prefers: np.ndarray
    below: int
    counts: np.ndarray


def selective(state: State) -> Selective | None:
    """The index from the sums of a `ClassMeans`; None if there are fewer than two classes among the samples."""
    count = as_array(state["count"])
    classes = np.flatnonzero(count)
    if len(classes) < 2:
        return None
    means = as_array(state["total"])[classes] / count[classes, None]
    whole = as_array(state["broken"]) == 0
    largest = means.max(0)
    rest = (means.sum(0) - largest) / (len(classes) - 1)
    below = whole & (means < 0).any(0)
    defined = whole & ~below & (largest > 0)
    index = np.where(defined, (largest - rest) / np.where(defined, largest + rest, 1), np.nan)
    prefers = np.where(defined, classes[means.argmax(0)], -1)
    return Selective(index, prefers, int(below.sum()), count[classes])
