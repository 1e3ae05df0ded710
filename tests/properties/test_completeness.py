"""Shares that must sum to the output, or to its difference from the baseline."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from tests.networks import NETWORKS, known

few = settings(max_examples=12, deadline=None, derandomize=True)
seeds = st.integers(0, 999)


def image(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(2, *shape, generator=known.generator(seed), dtype=torch.float64)


@few
@given(seed=seeds, examples=st.integers(1, 3))
def test_two_nodes_integrate_a_cubic_exactly(seed: int, examples: int) -> None:
    model = known.Cubic(seed=seed)
    x = torch.randn(examples, 5, generator=known.generator(seed + 1), dtype=torch.float64)
    values = pl.integrated_gradients(n_steps=2)(model, x, target=1).values
    exact = (model.a[1] * x**3 + model.b[1] * x**2).detach().numpy()
    np.testing.assert_allclose(values, exact, rtol=1e-11, atol=1e-12)
    one_node = pl.integrated_gradients(n_steps=1)(model, x, target=1).values
    assert np.abs(one_node - exact).max() > 1e-4


@few
@given(seed=seeds)
def test_smooth_network_is_complete_to_rounding(seed: int) -> None:
    model = NETWORKS["smooth"].build().double()
    x = image(seed, 3, 14, 14)
    values = pl.integrated_gradients(n_steps=20)(model, x, target=2).values
    with torch.no_grad():
        difference = (model(x) - model(torch.zeros_like(x)))[:, 2].numpy()
    np.testing.assert_allclose(values.sum((1, 2, 3)), difference, rtol=0, atol=1e-9)


@few
@given(seed=seeds)
def test_input_at_the_baseline_has_no_shares(seed: int) -> None:
    model = NETWORKS["float64"].build()
    x = torch.zeros(1, 3, 14, 14, dtype=torch.float64)
    assert not pl.integrated_gradients(n_steps=3)(model, x, target=seed % 4).values.any()


@few
@given(seed=seeds)
def test_homogeneous_network_is_input_times_gradient(seed: int) -> None:
    model, x = known.homogeneous(seed), image(seed, 3, 14, 14)
    values = pl.input_x_gradient()(model, x, target=[1, 3]).values
    with torch.no_grad():
        scores = model(x)[[0, 1], [1, 3]].numpy()
    np.testing.assert_allclose(values.sum((1, 2, 3)), scores, rtol=1e-12, atol=1e-14)


@few
@given(seed=seeds)
def test_gradient_agrees_with_central_differences(seed: int) -> None:
    model = NETWORKS["smooth"].build().double()
    x, step = image(seed, 3, 14, 14), 1e-5
    values = pl.saliency()(model, x, target=1).values
    spot = (0, seed % 3, seed % 14, (seed // 3) % 14)
    moved = torch.zeros_like(x)
    moved[spot] = step
    with torch.no_grad():
        slope = (model(x + moved)[0, 1] - model(x - moved)[0, 1]) / (2 * step)
    np.testing.assert_allclose(values[spot], float(slope), rtol=1e-6, atol=1e-8)
