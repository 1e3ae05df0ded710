"""Singular values of weights: exact matrices, the torus, and random ones."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pellucid.ops.singular import matrix_of, noise, spectrum_of, torus_norm


def _whole(layer: Any, weight: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The matrix of a linear layer, column by column."""
    base = torch.eye(math.prod(shape), dtype=weight.dtype).reshape(-1, *shape)
    with torch.no_grad():
        return layer(base).flatten(1).T


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64])
@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 2, 3, 3), (1, 6, 4)])
def test_squares_add_up_to_the_norm(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    found = spectrum_of(matrix_of(weight), 100)
    assert found.values.dtype == torch.float64 and len(found.values) == found.size
    squares = float(weight.to(torch.complex128).abs().square().sum())
    assert found.squares == pytest.approx(squares, rel=1e-12)
    assert float(found.values.square().sum()) == pytest.approx(squares, rel=1e-10)


@pytest.mark.parametrize("size", [1, 4, 17])
def test_every_rank_of_the_identity_is_its_size(size: int) -> None:
    found = spectrum_of(3 * torch.eye(size)[None], 100)
    assert found.effective_rank == pytest.approx(size, rel=1e-12) and found.stable_rank == pytest.approx(size)
    assert found.rank == size and found.condition == pytest.approx(1)


def test_one_direction_has_rank_one_and_zero_has_none() -> None:
    one = spectrum_of(torch.outer(torch.arange(1.0, 5), torch.arange(1.0, 4))[None], 100)
    assert one.rank == 1 and one.stable_rank == pytest.approx(1) and one.effective_rank == pytest.approx(1, abs=1e-6)
    assert one.condition is None
    zero = spectrum_of(torch.zeros(1, 3, 2), 100)
    assert zero.rank == 0 and zero.stable_rank is None and zero.effective_rank is None and zero.condition is None


def test_scale_changes_norms_and_no_rank() -> None:
    weight = torch.randn(1, 9, 6, generator=torch.Generator().manual_seed(1))
    one, other = spectrum_of(weight, 100), spectrum_of(7 * weight, 100)
    assert other.norm == pytest.approx(7 * one.norm) and other.effective_rank == pytest.approx(one.effective_rank)


@pytest.mark.parametrize("groups", [1, 2, 6])
@pytest.mark.parametrize("kind", [nn.Conv1d, nn.ConvTranspose1d])
def test_groups_are_blocks_of_the_map_of_a_patch(groups: int, kind: Any) -> None:
    """With one tap the layer is a matrix of its channels, which torch itself can be asked for."""
    layer = kind(6, 12, 1, groups=groups, bias=False).double()
    expected = torch.linalg.svdvals(_whole(layer, layer.weight, (6, 1)))
    found = spectrum_of(matrix_of(layer.weight, layer), 100)
    np.testing.assert_allclose(found.values.numpy(), expected.numpy(), rtol=1e-10)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular", bias=False),
        nn.Conv2d(4, 4, (3, 5), padding=(1, 2), padding_mode="circular", groups=2, bias=False),
        nn.Conv2d(2, 2, 3, padding=4, dilation=4, padding_mode="circular", bias=False),
        nn.Conv1d(3, 2, 7, padding=3, padding_mode="circular", bias=False),
    ],
    ids=["plain", "groups", "dilated beyond the grid", "one axis"],
)
def test_the_torus_is_the_circulant_matrix(layer: Any) -> None:
    layer = layer.double()
    side = 5 if layer.weight.ndim == 4 else 8
    grid = (side,) * (layer.weight.ndim - 2)
    whole = _whole(layer, layer.weight, (layer.in_channels, *grid))
    expected = float(torch.linalg.matrix_norm(whole, 2))
    assert torus_norm(layer.weight, layer, grid) == pytest.approx(expected, rel=1e-10)


def test_zero_padding_stays_below_a_fine_torus() -> None:
    layer = nn.Conv2d(2, 3, 3, padding=1, bias=False).double()
    whole = float(torch.linalg.matrix_norm(_whole(layer, layer.weight, (2, 6, 6)), 2))
    torus = torus_norm(layer.weight, layer, (64, 64))
    assert torus is not None and whole < torus


@pytest.mark.parametrize(("shape", "blocks"), [((400, 400), 1), ((300, 900), 1), ((40, 160), 20), ((1, 9), 500)])
def test_random_matrices_have_the_values_of_the_theory(shape: tuple[int, int], blocks: int) -> None:
    source = torch.Generator().manual_seed(3)
    entries = 0.3 * torch.randn(blocks, *shape, generator=source, dtype=torch.float64)
    found, theory = spectrum_of(entries, 1000), noise(shape, 0.3, blocks)
    assert len(theory.values) == found.size
    assert float((found.values - theory.values).abs().mean()) < 0.02 * theory.edge
    assert float(theory.values.square().sum()) == pytest.approx(0.09 * entries.numel(), rel=0.01)
    assert found.norm < theory.above
    if shape[0] > 100:
        assert found.norm == pytest.approx(theory.edge, rel=0.02)


def test_one_in_a_hundred_random_matrices_is_above() -> None:
    source = torch.Generator().manual_seed(0)
    entries = torch.randn(4000, 12, 30, generator=source, dtype=torch.float64)
    largest = torch.linalg.svdvals(entries)[:, 0]
    assert 0.004 < float((largest > noise((12, 30), 1.0).above).double().mean()) < 0.02


def test_large_matrices_are_estimated_from_below_and_say_so() -> None:
    source = torch.Generator().manual_seed(0)
    left, right = (torch.linalg.qr(torch.randn(400, 300, generator=source, dtype=torch.float64)).Q for _ in range(2))
    falling = 0.97 ** torch.arange(300, dtype=torch.float64)
    weight = (left * falling) @ right.T
    found = spectrum_of(weight[None], 100)
    assert not found.exact and found.rank is None and found.effective_rank is None and found.condition is None
    assert len(found.values) == 64 and (found.values <= falling[:64] + 1e-12).all()
    np.testing.assert_allclose(found.values.numpy(), falling[:64].numpy(), rtol=1e-3)
    assert found.stable_rank == pytest.approx(float(falling.square().sum()), rel=1e-6)
