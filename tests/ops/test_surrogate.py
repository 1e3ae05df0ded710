"""The weighted linear model against numpy's least squares."""

import numpy as np
import pytest
import torch
from torch import Tensor

from pellucid.ops.surrogate import weighted_fit


def rows(count: int = 40, features: int = 5, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    x = torch.rand(count, features, generator=draw, dtype=torch.float64) < 0.5
    return (
        x,
        torch.randn(count, generator=draw, dtype=torch.float64) + 3.0 * x[:, 0] + 100,
        torch.rand(count, generator=draw, dtype=torch.float64) + 0.1,
    )


@pytest.mark.parametrize("ridge", [0.0, 2.5])
def test_slopes_are_those_of_least_squares(ridge: float) -> None:
    """The penalty as further rows that want every slope to be 0."""
    x, y, w = rows()
    root = w.sqrt().numpy()
    design = np.column_stack([x.double().numpy(), np.ones(len(x))]) * root[:, None]
    penalty = np.column_stack([np.eye(5) * ridge**0.5, np.zeros(5)])
    expected = np.linalg.lstsq(
        np.vstack([design, penalty]), np.concatenate([y.numpy() * root, np.zeros(5)]), rcond=None
    )[0]
    fit = weighted_fit(x, y, w, ridge)
    np.testing.assert_allclose(fit.slopes.numpy(), expected[:5], rtol=1e-10, atol=1e-11)
    assert fit.intercept == pytest.approx(expected[5], rel=1e-11) and fit.determined


def test_a_linear_score_is_found_exactly() -> None:
    x, _, w = rows()
    truth = torch.tensor([2.0, -1.0, 0.0, 0.5, 7.0], dtype=torch.float64)
    fit = weighted_fit(x, x.double() @ truth - 4, w)
    assert torch.allclose(fit.slopes, truth, rtol=1e-12, atol=1e-12) and fit.intercept == pytest.approx(-4)
    assert fit.explained == pytest.approx(1.0, abs=1e-12) and float(fit.errors.max()) < 1e-12


def test_a_constant_score_has_no_slopes() -> None:
    x, _, w = rows()
    fit = weighted_fit(x, torch.full((40,), 3.25), w)
    assert float(fit.slopes.abs().max()) < 1e-12 and fit.intercept == pytest.approx(3.25) and fit.explained == 1.0


def test_explained_is_the_weighted_share() -> None:
    x, y, w = rows()
    fit = weighted_fit(x, y, w)
    left = y - fit.intercept - x.double() @ fit.slopes
    level = (w * y).sum() / w.sum()
    expected = 1 - float((w * left**2).sum() / (w * (y - level) ** 2).sum())
    assert fit.explained == pytest.approx(expected, rel=1e-12) and 0 < fit.explained < 1


def test_errors_are_the_scatter_of_repeated_fits() -> None:
    """Over 400 fresh samples the slopes scatter as the mean standard error says, to 15%."""
    fits = [weighted_fit(*rows(60, 3, seed)) for seed in range(400)]
    scatter = torch.stack([one.slopes for one in fits]).std(0)
    told = torch.stack([one.errors for one in fits]).mean(0)
    assert torch.allclose(scatter, told, rtol=0.15)


def test_too_few_rows_take_the_smallest_solution() -> None:
    x, y, w = rows(4, 6)
    fit = weighted_fit(x, y, w)
    assert not fit.determined and fit.errors.isnan().all()
    fitted = fit.intercept + x.double() @ fit.slopes
    assert torch.allclose(fitted, y, rtol=1e-9)
