"""Coefficients that are never negative, against the conditions that only the best ones fulfil."""

import pytest
import torch
from sklearn.decomposition import non_negative_factorization
from torch import Tensor

from pellucid.ops.nonnegative import coefficients, halves, joined, rebuilt


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("positive", [True, False])
def test_nothing_can_be_bettered(positive: bool) -> None:
    """Karush-Kuhn-Tucker: the slope is zero where a coefficient is free, and not downward where it is zero."""
    vectors, parts = normal(40, 9), normal(4, 9, seed=1)
    vectors, parts = (vectors.abs(), parts.abs()) if positive else (vectors, parts)
    found = coefficients(vectors, parts)
    slope = (found @ parts - vectors) @ parts.T
    assert float(found.min()) == 0 and float(slope[found > 0].abs().max()) < 1e-12
    assert float(slope[found == 0].min()) > -1e-12


def test_sums_of_parts_are_told_apart_again() -> None:
    parts, known = normal(3, 8).abs(), normal(20, 3, seed=1).clamp(min=0)
    assert torch.allclose(coefficients(known @ parts, parts), known, atol=1e-12)


def test_parts_that_are_zero_or_more_than_features() -> None:
    parts = torch.cat([normal(3, 2).abs(), torch.zeros(1, 2, dtype=torch.float64)])
    vectors = torch.tensor([[0.3, 0.4], [0.0, 0.0]], dtype=torch.float64)
    found = coefficients(vectors, parts)
    assert found.shape == (2, 4) and not found[1].any() and float(found[0, 3]) == 0
    assert coefficients(vectors[:0], parts).shape == (0, 4)


def test_no_worse_than_sklearn() -> None:
    vectors, parts = normal(30, 12).abs(), normal(5, 12, seed=1).abs()
    theirs, *_ = non_negative_factorization(
        vectors.numpy(),
        H=parts.numpy(),
        n_components=5,  # pyright: ignore[reportArgumentType]
        init="custom",
        update_H=False,
        tol=1e-12,
        max_iter=5000,
    )
    mine = coefficients(vectors, parts)
    assert torch.allclose(mine, torch.from_numpy(theirs), atol=1e-5)
    assert rebuilt(vectors, mine @ parts) >= rebuilt(vectors, torch.from_numpy(theirs) @ parts) - 1e-12


def test_halves_lose_nothing() -> None:
    vectors = normal(6, 5)
    assert float(halves(vectors).min()) == 0 and torch.equal(joined(halves(vectors)), vectors)


def test_share_that_is_rebuilt() -> None:
    vectors = torch.tensor([[3.0, 4.0]])
    assert rebuilt(vectors, vectors) == 1 and rebuilt(vectors, 0 * vectors) == 0
    assert rebuilt(vectors, torch.tensor([[3.0, 0.0]])) == pytest.approx(9 / 25)
    assert rebuilt(0 * vectors, vectors) == 1
