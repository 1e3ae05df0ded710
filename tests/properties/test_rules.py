"""Guided backpropagation and deconvolution against the gradient, where theory ties them."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import pellucid as pl
from tests.networks import known

few = settings(max_examples=12, deadline=None, derandomize=True)
seeds = st.integers(0, 999)


def network(seed: int, *, positive_above: bool = False) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = (
            nn.Sequential(
                nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 16, 3)
            )
            .double()
            .eval()
        )
    if positive_above:
        with torch.no_grad():
            model[2].weight.abs_()
            model[5].weight.abs_()
    return model


def image(seed: int) -> torch.Tensor:
    return torch.randn(2, 2, 8, 8, generator=known.generator(seed), dtype=torch.float64)


@few
@given(seed=seeds)
def test_guided_is_the_gradient_where_no_negative_gradient_arrives(seed: int) -> None:
    model, x = network(seed, positive_above=True), image(seed)
    gradient = pl.saliency()(model, x, target=1).values
    assert gradient.any()
    assert np.array_equal(pl.guided_backprop()(model, x, target=1).values, gradient)


@few
@given(seed=seeds)
def test_all_three_agree_where_every_unit_is_on_and_every_gradient_positive(seed: int) -> None:
    model, x = network(seed, positive_above=True), image(seed)
    with torch.no_grad():
        model[0].bias += 50.0
    gradient = pl.saliency()(model, x, target=0).values
    assert np.array_equal(pl.guided_backprop()(model, x, target=0).values, gradient)
    assert np.array_equal(pl.deconvolution()(model, x, target=0).values, gradient)


@few
@given(seed=seeds)
def test_deconvolution_does_not_see_the_sign_of_what_it_passes(seed: int) -> None:
    """Its ReLU rule ignores the forward pass: without pooling, two inputs give the same picture."""
    model = network(seed)
    first = pl.deconvolution()(model, image(seed), target=2).values
    second = pl.deconvolution()(model, image(seed + 1), target=2).values
    assert np.array_equal(first, second)
    assert not np.array_equal(first[0], pl.saliency()(model, image(seed), target=2).values[0])


@few
@given(seed=seeds, factor=st.sampled_from([0.5, 2.0, 8.0]))
def test_rules_are_homogeneous_in_the_score(seed: int, factor: float) -> None:
    model, x = network(seed), image(seed)
    views = (pl.guided_backprop(), pl.deconvolution())
    before = [view(model, x, target=0).values for view in views]
    with torch.no_grad():
        model[5].weight *= factor
    for view, values in zip(views, before, strict=True):
        assert np.array_equal(view(model, x, target=0).values, values * factor)
