"""What the units of one layer did over a data set, from what a sweep gathered."""

from dataclasses import dataclass

import numpy as np
import torch

from pellucid.engine.sweeps.request import Gathered
from pellucid.methods.activation._alike import Alike, alike
from pellucid.methods.activation._broken import NONE
from pellucid.methods.activation._selective import Selective, selective
from pellucid.ops.statistics import at_limits
from pellucid.results.array import as_array


@dataclass(frozen=True, eq=False)
class Units:
    """The units of one layer; an array has a number for each of them.

    Args:
        address, function: of the layer.
        mean, std, low, high: over the finite samples and all positions, NaN where there is none.
        zeros: share of values that are zero.
        mean_of_all, std_of_all, zeros_of_all: the same over all units at once.
        dead: zero everywhere on every sample.
        constant: one other value everywhere, which is no limit of the function.
        saturated: never away from one limit (and not dead); None for a function without limits.
        alike: duplicates; None with too few samples.
        selective: preferences for classes; None without classes.
        broken: samples on which the layer is not finite.
        first: the number of the first of them; None if there is none.
    """

    address: str
    function: str
    mean: np.ndarray
    std: np.ndarray
    low: np.ndarray
    high: np.ndarray
    zeros: np.ndarray
    mean_of_all: float
    std_of_all: float
    zeros_of_all: float
    dead: np.ndarray
    constant: np.ndarray
    saturated: np.ndarray | None
    alike: Alike | None
    selective: Selective | None
    broken: int
    first: int | None

    def __len__(self) -> int:
        return len(self.mean)


def units_of(
    moments: Gathered, extremes: Gathered, means: Gathered, sample: Gathered, broken: Gathered, *, above: float
) -> Units:
    """What each unit did.

    Args:
        above: correlation from which two units are duplicates.
    """
    function = moments.place.op or (moments.event.kind if moments.event else "")
    sums = {name: as_array(one) for name, one in moments.state.items()}
    ends = {name: as_array(one) for name, one in extremes.state.items()}
    mean, std = _moments(sums["count"], sums["total"], sums["squares"])
    mean_of_all, std_of_all = _moments(*(sums[name].sum() for name in ("count", "total", "squares")))
    seen = ends["low"] <= ends["high"]
    low, high = np.where(seen, ends["low"], np.nan), np.where(seen, ends["high"], np.nan)
    whole = ends["nan"] + ends["above"] + ends["below"] == 0
    dead = ends["zeros"] == ends["count"]
    saturated = _saturated(function, low, high, whole & ~dead)
    still = whole & (low == high) & ~dead
    first = int(broken.state["first"])
    return Units(
        address=moments.address,
        function=function,
        mean=mean,
        std=std,
        low=low,
        high=high,
        zeros=ends["zeros"] / np.maximum(ends["count"], 1),
        mean_of_all=float(mean_of_all),
        std_of_all=float(std_of_all),
        zeros_of_all=float(ends["zeros"].sum() / max(1, ends["count"].sum())),
        dead=dead,
        constant=still if saturated is None else still & ~saturated,
        saturated=saturated,
        alike=alike(_vectors(sample), above),
        selective=selective(means.state),
        broken=int(broken.state["samples"]),
        first=None if first == NONE else first,
    )


def _moments(count: np.ndarray, total: np.ndarray, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    size = np.where(count > 0, count, np.nan)
    mean = total / size
    return mean, np.sqrt(np.maximum(squares / size - mean**2, 0))


def _saturated(function: str, low: np.ndarray, high: np.ndarray, may: np.ndarray) -> np.ndarray | None:
    """Both ends near the same limit."""
    lower, upper = (at_limits(function.lower(), torch.from_numpy(one)) for one in (low, high))
    if lower is None or upper is None:
        return None
    return may & torch.stack([a & b for a, b in zip(lower, upper, strict=True)]).any(0).numpy()


def _vectors(one: Gathered) -> np.ndarray:
    """The finite ones, in the order of the shuffle, which is always the same."""
    vectors = as_array(one.state["vectors"]).astype(np.float64)
    return vectors[(as_array(one.state["ordinals"]) >= 0) & np.isfinite(vectors).all(1)]
