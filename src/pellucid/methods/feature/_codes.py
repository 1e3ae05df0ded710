"""Vectors of a layer, clustered: codes, their use, and what lies nearest to each."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.engine.sweeps.request import Gathered
from pellucid.methods.feature._regions import Wanted


@dataclass(frozen=True, eq=False)
class Codes:
    """A codebook; everything in double precision.

    Args:
        mean: of the vectors, `(channel,)`.
        directions: `(dimension, channel)`, orthonormal.
        centres: `(code, dimension)`, in falling order of use.
        points: the vectors that were clustered, `(vector, dimension)`.
        assignment: their codes, `(vector,)`.
        ordinals, positions: where they come from, `(vector,)`.
        kept: share of the variance in the directions.
        within: share of the variance in the directions that lies within codes.
        seen: vectors that they were chosen from.
        unit_length: whether vectors are brought to length 1 first.
        broken: vectors left out because they hold NaN or infinite values.
    """

    mean: Tensor
    directions: Tensor
    centres: Tensor
    points: Tensor
    assignment: Tensor
    ordinals: Tensor
    positions: Tensor
    kept: float
    within: float
    seen: int
    unit_length: bool
    broken: int = 0

    @property
    def usage(self) -> Tensor:
        """Share of the vectors that each code has, `(code,)`."""
        return torch.bincount(self.assignment, minlength=len(self.centres)).double() / len(self.assignment)

    @property
    def perplexity(self) -> float:
        """How many codes of equal use would be as even."""
        used = self.usage[self.usage > 0]
        return float(torch.exp(-(used * used.log()).sum()))

    @property
    def vectors(self) -> Tensor:
        """The codes in the layer's own space, `(code, channel)`."""
        return self.centres @ self.directions + self.mean

    def placed(self, vectors: Tensor) -> Tensor:
        """Vectors `(vector, channel)` in the space of the codes, `(vector, dimension)`."""
        return (lengthened(vectors.double(), on=self.unit_length) - self.mean) @ self.directions.T

    def assign(self, vectors: Tensor) -> Tensor:
        """The nearest code of each vector `(vector, channel)`."""
        return torch.cdist(self.placed(vectors), self.centres).argmin(1)

    def likeness(self, found: Tensor, codes: Sequence[int]) -> Tensor:
        """How alike each position of `(channel, position)` is to each of these codes, `(code, position)`, 0 to 1.

        The squared cosine, 0 where it is negative.
        """
        placed = torch.nn.functional.normalize(self.placed(found.T), dim=1)
        return (torch.nn.functional.normalize(self.centres[list(codes)], dim=1) @ placed.T).clamp(min=0) ** 2


def check_clustering() -> None:
    """Refuse before anything runs what could not be finished.

    Raises:
        NotApplicable: scikit-learn is missing.
    """
    if find_spec("sklearn") is None:
        raise NotApplicable(
            Text("codebook needs scikit-learn", "codebook 需要 scikit-learn"), hint="pip install 'pellucid[sweep]'"
        )


def codes_of(one: Gathered, codes: int, dimensions: int, seed: int, *, unit_length: bool) -> Codes:
    """Cluster the vectors of a `Sample`.

    Raises:
        NotApplicable: there are too few different vectors, or scikit-learn is missing.
    """
    state, prefix = one.state, one.layout.prefix if one.layout is not None else 0
    there = (state["ordinals"] >= 0) & (state["positions"] >= prefix)
    valid = there & state["vectors"].isfinite().all(1)
    # by sample and position, so that the order of the shuffle has no say
    order = torch.argsort(state["ordinals"][valid] * (int(state["positions"].max()) + 1) + state["positions"][valid])
    vectors, ordinals, positions = (
        state[name].cpu()[valid.cpu()][order.cpu()] for name in ("vectors", "ordinals", "positions")
    )
    vectors = lengthened(vectors.double(), on=unit_length)
    different = _different(vectors)
    if different < codes:
        raise NotApplicable(
            Text(
                f"'{one.address}' has {different} different vectors on these data, fewer than {codes} codes",
                f"'{one.address}' 在这些数据上只有 {different} 个不同的向量，少于 {codes} 个码",
            ),
            hint=Text("fewer codes, more data, or another layer", "请减少码数、增加数据，或换一个层"),
        )
    mean = vectors.mean(0)
    centred = vectors - mean
    directions = _signed(torch.linalg.eigh(centred.T @ centred).eigenvectors.T.flip(0)[:dimensions])
    points = centred @ directions.T
    total = float(centred.square().sum())
    centres, assignment = _clustered(points, codes, seed)
    within = float((points - centres[assignment]).square().sum())
    variance = float(points.square().sum())
    return Codes(
        mean,
        directions,
        centres,
        points,
        assignment,
        ordinals,
        positions,
        variance / max(total, 1e-300),
        within / max(variance, 1e-300),
        int(state["seen"]),
        unit_length,
        int((there & ~valid).sum()),
    )


def nearest(found: Codes, k: int) -> list[Wanted]:
    """For each code the vectors nearest to it, each of another sample: code, sample, position, distance."""
    wanted: list[Wanted] = []
    for code, centre in enumerate(found.centres):
        mine = (found.assignment == code).nonzero()[:, 0]
        distance = torch.linalg.vector_norm(found.points[mine] - centre, dim=1)
        taken: set[int] = set()
        for i in distance.argsort(stable=True).tolist():
            ordinal = int(found.ordinals[mine[i]])
            if ordinal in taken:
                continue
            taken.add(ordinal)
            wanted.append((code, ordinal, int(found.positions[mine[i]]), float(distance[i])))
            if len(taken) == k:
                break
    return wanted


def lengthened(vectors: Tensor, *, on: bool) -> Tensor:
    """Vectors of length 1, or as they are."""
    return torch.nn.functional.normalize(vectors, dim=1) if on else vectors


def _different(vectors: Tensor) -> int:
    """How many of them differ."""
    rows = np.ascontiguousarray((vectors + 0.0).numpy())  # -0 as 0
    return len(np.unique(rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))))


def _clustered(points: Tensor, codes: int, seed: int) -> tuple[Tensor, Tensor]:
    """Centres and assignment by k-means, the most used code first."""
    from sklearn.cluster import KMeans

    made = KMeans(codes, n_init=4, random_state=seed)  # pyright: ignore[reportArgumentType]
    made.fit(points.numpy())
    labels = np.asarray(made.labels_, np.int64)
    order = np.argsort(-np.bincount(labels, minlength=codes), kind="stable")
    place = np.empty(codes, np.int64)
    place[order] = np.arange(codes)
    return torch.from_numpy(np.asarray(made.cluster_centers_)[order]), torch.from_numpy(place[labels])


def _signed(directions: Tensor) -> Tensor:
    """Each direction with its largest entry positive: the sign of a direction means nothing."""
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    return directions * torch.where(largest < 0, -1.0, 1.0)
