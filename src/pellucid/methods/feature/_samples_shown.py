"""Small pictures of some samples that lie far apart."""

import numpy as np
import torch

from pellucid.engine.sweeps.gather import Source
from pellucid.methods.feature._regions import picture_of

_SIDE = 64


def spread(positions: np.ndarray, count: int) -> list[int]:
    """Points in an order in which each is the farthest from those before it; the first is nearest to the middle."""
    if not count or not len(positions):
        return []
    chosen = [int(np.linalg.norm(positions - np.median(positions, 0), axis=1).argmin())]
    apart = np.linalg.norm(positions - positions[chosen[0]], axis=1)
    while len(chosen) < count and apart.max() > 0:
        chosen.append(int(apart.argmax()))
        apart = np.minimum(apart, np.linalg.norm(positions - positions[chosen[-1]], axis=1))
    return chosen


def pictures_of(data: Source, ordinals: np.ndarray, chosen: list[int]) -> dict[int, np.ndarray]:
    """Samples read again, by their place in `ordinals`; empty where the first of them is no picture."""
    found: dict[int, np.ndarray] = {}
    for i in chosen:
        picture = picture_of(data.inputs([int(ordinals[i])]))
        if picture is None:
            break
        found[i] = _small(picture)
    return found


def _small(picture: np.ndarray) -> np.ndarray:
    """At most 64 pixels on a side."""
    rows, columns = picture.shape[:2]
    ratio = _SIDE / max(rows, columns)
    values = torch.from_numpy(picture.astype(np.float32))
    if ratio < 1:
        size = (max(1, round(rows * ratio)), max(1, round(columns * ratio)))
        drawn = values.movedim(-1, 0)[None]
        values = torch.nn.functional.interpolate(drawn, size=size, mode="bilinear", antialias=True)[0].movedim(0, -1)
    return values.clamp(0, 1).contiguous().numpy()
