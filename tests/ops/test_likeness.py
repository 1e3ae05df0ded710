"""Shares of cells, rank correlation, overlap."""

import numpy as np
import torch
from scipy.stats import spearmanr

from pellucid.ops.likeness import overlap, rank_correlation, shares


def test_shares_sum_to_one_in_absolute_value() -> None:
    maps = torch.randn(2, 28, 56, generator=torch.Generator().manual_seed(0))
    found = shares(maps, 14)
    assert found.shape == (2, 7, 14)
    torch.testing.assert_close(found.abs().sum((1, 2)), torch.ones(2, dtype=torch.float64))
    plain = maps.double().reshape(2, 7, 4, 14, 4).mean((2, 4))
    torch.testing.assert_close(found, plain / plain.abs().sum((1, 2), keepdim=True))


def test_shares_of_few_cells_and_of_nothing() -> None:
    assert shares(torch.ones(1, 5), 14).tolist() == [[0.2] * 5]
    assert shares(torch.ones(1, 4, 4, 4), 2).shape == (1, 2, 2, 2)
    assert not shares(torch.zeros(1, 3, 3), 2).any()


def test_rank_correlation_is_spearman_s() -> None:
    maps = np.random.default_rng(0).integers(0, 5, (3, 40)).astype(float)
    np.testing.assert_allclose(rank_correlation(maps), spearmanr(maps, axis=1).statistic, atol=1e-12)


def test_a_constant_map_correlates_with_nothing() -> None:
    found = rank_correlation(np.array([[1.0, 2.0, 3.0], [4.0, 4.0, 4.0]]))
    np.testing.assert_allclose(found, [[1, 0], [0, 0]], atol=1e-12)


def test_overlap_of_positive_parts() -> None:
    one, two = np.array([1.0, 1.0, -5.0]), np.array([0.0, 2.0, 2.0])
    assert overlap(one, one) == 1.0 and overlap(one, two) == 0.5 and overlap(one, -np.abs(two)) == 0.0
