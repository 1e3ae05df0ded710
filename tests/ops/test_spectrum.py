import pytest
import torch

from pellucid.ops.spectrum import (
    coefficients_of,
    falling,
    frequencies,
    from_coefficients,
    from_phases,
    half,
    magnitudes_of,
    standardised,
)

GRIDS = [(8, 8), (7, 9), (9, 12), (12, 9), (1, 5), (6,), (7,), (4, 5, 6), (5, 4, 7)]
KIND = torch.float64


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=KIND)


@pytest.mark.parametrize("grid", GRIDS)
def test_any_array_comes_back_from_its_coefficients(grid: tuple[int, ...]) -> None:
    value, amplitudes = draw(2, 3, *grid), falling(grid, 1.5).to(KIND)
    coefficients = coefficients_of(value, grid, amplitudes)
    assert coefficients.shape == (2, 3, *half(grid), 2)
    assert torch.allclose(from_coefficients(coefficients, grid, amplitudes), value, atol=1e-12)


def test_frequencies_are_lengths_in_cycles_per_cell() -> None:
    found = frequencies((4, 5))
    assert found.shape == half((4, 5)) == (4, 3)
    assert found[0].tolist() == pytest.approx([0, 0.2, 0.4])
    assert found[:, 0].tolist() == pytest.approx([0, 0.25, 0.5, 0.25])
    assert float(found[2, 2]) == pytest.approx((0.5**2 + 0.4**2) ** 0.5)


def test_amplitudes_fall_with_frequency_and_stay_finite_at_zero() -> None:
    found = falling((4, 5), 2.0)
    assert float(found[0, 0]) == pytest.approx(25) and float(found[0, 1]) == pytest.approx(25)
    assert float(found[0, 2]) == pytest.approx(1 / 0.16)


@pytest.mark.parametrize("grid", GRIDS)
def test_magnitudes_hold_in_every_column(grid: tuple[int, ...]) -> None:
    """Also where a coefficient's conjugate is kept too, as in the first and the last column."""
    magnitudes = falling(grid).to(KIND)
    made = from_phases(draw(2, 3, *half(grid)) * 3, grid, magnitudes)
    axes = tuple(range(-len(grid), 0))
    spectrum = torch.fft.rfftn(made, dim=axes, norm="ortho")
    assert torch.allclose(spectrum.abs(), magnitudes.expand_as(spectrum.abs()), atol=1e-12)


@pytest.mark.parametrize("grid", GRIDS)
def test_an_array_comes_back_from_its_magnitudes_and_phases(grid: tuple[int, ...]) -> None:
    """Where a coefficient is its own conjugate it is real, and here positive."""
    value = from_phases(draw(1, 3, *half(grid)), grid, falling(grid).to(KIND))
    axes = tuple(range(-len(grid), 0))
    phases = torch.fft.rfftn(value, dim=axes, norm="ortho").angle()
    assert torch.allclose(from_phases(phases, grid, magnitudes_of(value, len(grid))), value, atol=1e-12)


def test_magnitudes_scale_the_array_and_are_averaged_over_examples() -> None:
    phases, magnitudes = draw(1, 2, *half((6, 6))), falling((6, 6)).to(KIND)
    one = from_phases(phases, (6, 6), magnitudes)
    assert torch.allclose(from_phases(phases, (6, 6), 3 * magnitudes), 3 * one)
    assert torch.allclose(magnitudes_of(torch.cat([one, 3 * one]), 2), 2 * magnitudes.expand(2, -1, -1))


def test_standardised_and_flat_examples() -> None:
    found = standardised(draw(3, 2, 4, 4) * torch.tensor([1.0, 5.0, 0.0], dtype=KIND).view(3, 1, 1, 1) + 2)
    assert torch.allclose(found.mean((1, 2, 3)), torch.zeros(3, dtype=KIND), atol=1e-12)
    assert torch.allclose(found.std((1, 2, 3), correction=0), torch.tensor([1.0, 1.0, 0.0], dtype=KIND))
