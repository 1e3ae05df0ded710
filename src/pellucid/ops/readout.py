"""Reading a class off features by the nearest class mean."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.ops.precision import in_double


@dataclass(frozen=True)
class Readout:
    """What the features of one level tell.

    Args:
        right: share of the labelled examples whose own class mean is the nearest; each is left out of its mean, those
            that are alone in their class do not count. NaN if all are.
        nearest: the class whose mean is nearest to each asked example.
        margin: for each asked example and its class: the distance to the nearest other mean less that to its own, over
            their sum; −1..1, positive where its class is the nearest. NaN if its class is not among the labels.
    """

    right: float
    nearest: tuple[int, ...]
    margin: tuple[float, ...]


def nearest_mean(features: Tensor, labels: Tensor, asked: Tensor, classes: list[int | None]) -> Readout:
    """Euclidean distances to class means.

    Args:
        features: `(example, feature)`, labelled.
        labels: `(example,)`, at least two classes.
        asked: `(row, feature)`.
        classes: the class of each asked row, None where it has none.
    """
    features, asked, labels = in_double(features), in_double(asked), labels.to(features.device)
    known, inverse = labels.unique(return_inverse=True)
    member = torch.nn.functional.one_hot(inverse).to(features)
    size = member.sum(0)
    means = (member.T @ features) / size[:, None]
    rows = torch.arange(len(features), device=features.device)
    own = torch.cdist(features, means)
    count = size[inverse]
    own[rows, inverse] *= count / (count - 1).clamp(min=1)
    counted = count > 1
    hits = (own.argmin(1) == inverse)[counted]
    far = torch.cdist(asked, means)
    names = known.tolist()
    margins = [
        _margin(row, names.index(label) if label in names else None) for row, label in zip(far, classes, strict=True)
    ]
    nearest = tuple(int(names[int(i)]) for i in far.argmin(1))
    return Readout(float(hits.double().mean()) if len(hits) else float("nan"), nearest, tuple(margins))


def _margin(distances: Tensor, own: int | None) -> float:
    if own is None:
        return float("nan")
    mine = float(distances[own])
    other = float(torch.cat([distances[:own], distances[own + 1 :]]).min())
    return (other - mine) / (other + mine) if other + mine > 0 else 0.0


def pooled(value: Tensor, axis: int | None) -> Tensor:
    """`(example, feature)`: the mean over all axes but the first and the one of channels; flat without one."""
    if axis is None or value.ndim < 3:
        return value.flatten(1).clone()
    return value.movedim(axis, 1).flatten(2).mean(2)
