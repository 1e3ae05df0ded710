"""On `f(x) = W x + b` every picture is known in closed form."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import pellucid as pl
from tests.networks import known

cases = given(
    seed=st.integers(0, 999), features=st.integers(1, 9), classes=st.integers(2, 5), examples=st.integers(1, 4)
)
few = settings(max_examples=12, deadline=None, derandomize=True)


def drawn(seed: int, features: int, classes: int, examples: int) -> tuple[torch.nn.Linear, torch.Tensor, list[int]]:
    model = known.linear_scorer(features, classes, seed)
    draw = known.generator(seed + 7)
    x = torch.randn(examples, features, generator=draw, dtype=torch.float64)
    return model, x, torch.randint(classes, (examples,), generator=draw).tolist()


@few
@cases
def test_the_gradient_is_the_weight(seed: int, features: int, classes: int, examples: int) -> None:
    model, x, target = drawn(seed, features, classes, examples)
    assert np.array_equal(pl.saliency()(model, x, target=target).values, model.weight[target].detach().numpy())


@few
@cases
def test_rules_without_an_activation_are_the_gradient(seed: int, features: int, classes: int, examples: int) -> None:
    model, x, target = drawn(seed, features, classes, examples)
    gradient = pl.saliency()(model, x, target=target).values
    assert np.array_equal(pl.deconvolution()(model, x, target=target).values, gradient)
    assert np.array_equal(pl.guided_backprop()(model, x, target=target).values, gradient)


@few
@cases
def test_shares_are_weight_times_input(seed: int, features: int, classes: int, examples: int) -> None:
    model, x, target = drawn(seed, features, classes, examples)
    shares = (model.weight[target] * x).detach().numpy()
    assert np.array_equal(pl.input_x_gradient()(model, x, target=target).values, shares)
    for n_steps in (1, 3):
        values = pl.integrated_gradients(n_steps=n_steps)(model, x, target=target).values
        np.testing.assert_allclose(values, shares, rtol=1e-13, atol=1e-14)


@few
@cases
def test_predicted_target_is_the_largest(seed: int, features: int, classes: int, examples: int) -> None:
    model, x, _ = drawn(seed, features, classes, examples)
    result = pl.saliency()(model, x)
    largest = model(x).argmax(1).tolist()
    assert np.array_equal(result.values, model.weight[largest].detach().numpy())
    assert [one.index for one in result.targets] == [(index,) for index in largest]
    assert {one.chosen for one in result.targets} == {"predicted"}


@few
@cases
def test_contrast_is_the_difference(seed: int, features: int, classes: int, examples: int) -> None:
    model, x, _ = drawn(seed, features, classes, examples)
    values = pl.saliency()(model, x, target=pl.contrast(0, 1)).values
    difference = (model.weight[0] - model.weight[1]).detach().numpy()
    np.testing.assert_allclose(values, np.broadcast_to(difference, values.shape), rtol=1e-12, atol=1e-14)
