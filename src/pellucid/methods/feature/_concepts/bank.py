"""A bank of concepts: the directions of which a layer's vectors are sums that never subtract."""

import warnings
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.ops.nonnegative import coefficients, halves, joined, rebuilt

_MOST, _ROUNDS = 16384, 600


@dataclass(frozen=True, eq=False)
class Bank:
    """Concepts of one layer, in double precision.

    Args:
        parts: `(concept, channel)`, each of length 1 (0 if nothing was left for it).
        coefficients: of the vectors that it was made of, `(vector, concept)`, never negative.
        rebuilt: share of these squared vectors that the concepts rebuild.
        signed: whether the layer has negative values.
        converged: whether the factorization came to rest.
    """

    parts: Tensor
    coefficients: Tensor
    rebuilt: float
    signed: bool
    converged: bool

    def of(self, vectors: Tensor) -> Tensor:
        """The coefficients of other vectors `(vector, channel)`, `(vector, concept)`."""
        return coefficients(vectors, self.parts)

    def ordered(self, order: Tensor) -> "Bank":
        """The same concepts in another order."""
        return Bank(self.parts[order], self.coefficients[:, order], self.rebuilt, self.signed, self.converged)


def check_factoring() -> None:
    """Refuse before anything runs what could not be finished.

    Raises:
        NotApplicable: scikit-learn is missing.
    """
    if find_spec("sklearn") is None:
        raise NotApplicable(
            Text("concepts needs scikit-learn", "concepts 需要 scikit-learn"), hint="pip install 'pellucid[sweep]'"
        )


def bank_of(vectors: Tensor, concepts: int, seed: int, where: str, rounds: int = _ROUNDS) -> Bank:
    """Factor vectors `(vector, channel)`.

    Where some are negative, what is positive and what is negative are factored side by side, with the same
    coefficients, so that nothing is thrown away.

    Args:
        where: address of the layer, for the error.
        rounds: most iterations.
    Raises:
        NotApplicable: there are fewer vectors than concepts, or they are all zero.
    """
    vectors = vectors.detach().cpu().double()
    if len(vectors) < concepts:
        raise NotApplicable(
            Text(
                f"{concepts} concepts cannot be made of {len(vectors)} vectors of '{where}'",
                f"'{where}' 的 {len(vectors)} 个向量不足以得到 {concepts} 个概念",
            ),
            hint=Text("fewer concepts, more data, or smaller crops", "请减少概念、增加数据，或缩小裁块"),
        )
    if not bool(vectors.any()):
        raise NotApplicable(
            Text(f"'{where}' is zero on all of these samples", f"'{where}' 在所有这些样本上都为零"),
            hint=Text("another layer", "请换一个层"),
        )
    signed = bool((vectors < 0).any())
    parts, converged = _factored(halves(vectors) if signed else vectors, concepts, seed, rounds)
    parts = joined(parts) if signed else parts
    length = torch.linalg.vector_norm(parts, dim=1, keepdim=True)
    parts = parts / torch.where(length > 0, length, 1.0)
    found = coefficients(vectors, parts)
    return Bank(parts, found, rebuilt(vectors, found @ parts), signed, converged)


def _factored(vectors: Tensor, concepts: int, seed: int, rounds: int) -> tuple[Tensor, bool]:
    """Parts `(concept, feature)` of vectors that are nowhere negative, and whether they came to rest."""
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    draw = torch.Generator().manual_seed(seed)
    some = torch.randperm(len(vectors), generator=draw)[:_MOST].sort().values
    start = "nndsvda" if concepts <= min(len(some), vectors.shape[1]) else "random"
    made = NMF(concepts, init=start, random_state=seed, max_iter=rounds)  # pyright: ignore[reportArgumentType]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        made.fit(vectors[some].numpy())
    return torch.from_numpy(np.asarray(made.components_, np.float64)), int(made.n_iter_) < rounds
