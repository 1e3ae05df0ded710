"""Gradients of the loss where they are known in closed form."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

import pellucid as pl
from tests.networks import NETWORKS, known

few = settings(max_examples=10, deadline=None, derandomize=True)
seeds = st.integers(0, 999)
ACTIVATION, WEIGHT = "‖∂L/∂a‖", "‖∂L/∂W‖"


@few
@given(seed=seeds, examples=st.integers(1, 4))
def test_last_linear_layer_is_error_times_input(seed: int, examples: int) -> None:
    """`dL/dW = (p - y)ᵀ h / N` for cross-entropy over a linear layer."""
    model = known.pooled_head(seed)
    draw = known.generator(seed + 1)
    x = torch.randn(examples, 3, 9, 8, generator=draw, dtype=torch.float64)
    label = torch.randint(4, (examples,), generator=draw)
    values = pl.gradient_maps(layer="6")(model, x, target=label.tolist()).values
    with torch.no_grad():
        features = model[:6](x)
        error = model[6](features).softmax(1) - F.one_hot(label, 4)
    np.testing.assert_allclose(values, (error.T @ features / examples).numpy(), rtol=1e-10, atol=1e-15)


@few
@given(seed=seeds)
def test_one_plain_step_moves_the_weight_by_the_map(seed: int) -> None:
    model = NETWORKS["frozen"].build()
    x, label = NETWORKS["frozen"].x(3), [seed % 4, 1, 2]
    values = pl.gradient_maps()(model, x, target=label).values
    before = model[0].weight.clone()
    optimizer = torch.optim.SGD(model.requires_grad_(True).parameters(), lr=1.0)
    F.cross_entropy(model(x), torch.tensor(label)).backward()
    optimizer.step()
    np.testing.assert_allclose((before - model[0].weight.detach()).numpy(), values, rtol=1e-4, atol=1e-7)


@few
@given(seed=seeds, scale=st.sampled_from([0.5, 1.0, 3.0]))
def test_orthogonal_stack_scales_the_gradient_by_its_factor(seed: int, scale: float) -> None:
    model = known.orthogonal_stack(scale, seed=seed)
    x = torch.randn(2, 8, generator=known.generator(seed), dtype=torch.float64)
    result = pl.gradient_flow()(model, x, target=[1, 5])
    norms = result.curves[ACTIVATION]
    assert result.labels == tuple(map(str, range(6)))
    np.testing.assert_allclose(norms[:-1] / norms[1:], scale, rtol=1e-10)
    np.testing.assert_allclose(result.facts["slope per layer"], scale, rtol=1e-8)


def test_sigmoids_at_their_centre_lose_a_quarter_of_the_weight() -> None:
    model = known.sigmoid_stack(1.0, depth=8)
    result = pl.gradient_flow()(model, torch.zeros(1, 4, dtype=torch.float64), target=2)
    norms = result.curves[ACTIVATION]
    np.testing.assert_allclose(norms[:-1] / norms[1:], 0.25, rtol=1e-10)
    assert result.facts["verdict"] == "vanishing"
    assert [i for i, words in result.marks.items() if words.en == "vanishing"] == [0, 1, 2]
    assert "vanish" in result.describe("en") and "消失" in result.describe("zh")


def test_steady_and_exploding_are_named_where_they_are_true() -> None:
    x = torch.randn(2, 8, generator=known.generator(1), dtype=torch.float64)
    steady = pl.gradient_flow()(known.orthogonal_stack(1.0), x, target=0)
    assert steady.facts["verdict"] == "steady" and not steady.marks
    assert "vanish" not in steady.describe("en") and "explod" not in steady.describe("en")
    exploding = pl.gradient_flow()(known.orthogonal_stack(6.0), x, target=0)
    assert exploding.facts["verdict"] == "exploding" and sorted(exploding.marks) == [0, 1]


@few
@given(factor=st.sampled_from([0.1, 4.0]))
def test_scaled_loss_scales_every_norm(factor: float) -> None:
    def scaled(output: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return factor * F.cross_entropy(output, label, reduction="none")

    network = NETWORKS["residual"]
    plain = pl.gradient_flow()(network.build(), network.x(2), target=[1, 2])
    times = pl.gradient_flow(loss=scaled)(network.build(), network.x(2), target=[1, 2])
    for name in (ACTIVATION, WEIGHT):
        np.testing.assert_allclose(times.curves[name], factor * plain.curves[name], rtol=1e-4)
