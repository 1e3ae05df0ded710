"""Vectors laid into the plane: by the directions of largest variance, or so that neighbours stay neighbours."""

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text

_BEFORE = 50  # directions that t-SNE starts from
_START = 1e-4  # spread of its first positions


@dataclass(frozen=True, eq=False)
class Plane:
    """Where vectors lie in the plane.

    Args:
        positions: `(vector, 2)`.
        variance: share of the variance along each direction that was kept, in falling order.
        perplexity: of t-SNE, as it was used; None for PCA.
    """

    positions: np.ndarray
    variance: np.ndarray
    perplexity: float | None = None


def by_variance(vectors: np.ndarray) -> Plane:
    """The first two principal components; a second one that does not exist is zero everywhere."""
    scores, variance = principal(vectors, 2)
    return Plane(np.pad(scores, ((0, 0), (0, 2 - scores.shape[1]))), variance)


def by_neighbours(vectors: np.ndarray, perplexity: float, seed: int) -> Plane:
    """t-SNE of the first fifty principal components, from the plane of the first two.

    Args:
        perplexity: about how many neighbours count; at most a third of the vectors.
    Raises:
        NotApplicable: scikit-learn is missing.
    """
    if find_spec("sklearn") is None:
        raise NotApplicable(
            Text("t-SNE needs scikit-learn", "t-SNE 需要 scikit-learn"),
            hint=Text(
                "pip install 'pellucid[sweep]', or embedding(projection='pca')",
                "pip install 'pellucid[sweep]'，或 embedding(projection='pca')",
            ),
        )
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    scores, variance = principal(vectors, _BEFORE)
    used = min(float(perplexity), max(1.0, (len(vectors) - 1) / 3))
    start = np.pad(scores[:, :2], ((0, 0), (0, max(0, 2 - scores.shape[1]))))
    start = (start / start[:, 0].std() * _START).astype(np.float32)
    with threadpool_limits(1):  # sums in one order, so that a seed gives the same bytes on any number of cores
        made = TSNE(2, perplexity=used, init=start, learning_rate="auto", random_state=seed).fit_transform(scores)  # pyright: ignore[reportArgumentType]
    return Plane(np.asarray(made, np.float64), variance, used)


def principal(vectors: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores on the directions of largest variance, and the share of the variance along each.

    The sign of a direction is that of its largest entry, so that it does not depend on the order of the vectors.

    Returns:
        `(vector, direction)` and `(direction,)`, at most `count` directions.
    """
    centred = vectors - vectors.mean(0)
    size, channels = centred.shape
    if channels <= size:
        squares, directions = np.linalg.eigh(centred.T @ centred)
        directions = directions[:, ::-1][:, :count]
        scores, shares = centred @ directions, squares[::-1]
    else:
        _, spread, rows = np.linalg.svd(centred, full_matrices=False)
        directions, shares = rows[:count].T, spread**2
        scores = centred @ directions
    signs = np.sign(directions[np.abs(directions).argmax(0), np.arange(directions.shape[1])])
    return scores * np.where(signs == 0, 1, signs), (shares.clip(min=0) / shares.clip(min=0).sum())[:count]
