"""Attention max-flow through whole networks; the flows themselves are tested in ops."""

import numpy as np
import pytest
import torch

import pellucid as pl
from tests.methods.attention.stacks import Given, inputs, random_layers
from tests.networks import NETWORKS

ROUNDED = 2e-7


def mixed(layer: torch.Tensor) -> np.ndarray:
    return ((layer.mean(0) + torch.eye(layer.shape[-1], dtype=layer.dtype)) / 2).numpy()


def test_one_layer_is_its_row_and_two_are_their_narrow_parts() -> None:
    one, two = random_layers(1, 3, 6), random_layers(2, 3, 6)
    flat = pl.attention_max_flow(query=3)(Given(one), inputs(6)).values
    np.testing.assert_allclose(flat, [mixed(one[0])[3]] * 2, rtol=0, atol=ROUNDED)
    lower, upper = mixed(two[0]), mixed(two[1])
    deep = pl.attention_max_flow(query=3)(Given(two), inputs(6)).values
    np.testing.assert_allclose(deep, [np.minimum(upper[3][:, None], lower).sum(0)] * 2, rtol=0, atol=ROUNDED)


def test_the_mean_is_one_more_layer_that_averages() -> None:
    layers = random_layers(1, 2, 5)
    result = pl.attention_max_flow()(Given(layers, read=None), inputs(5))
    np.testing.assert_allclose(result.values[0], np.minimum(1 / 5, mixed(layers[0])).sum(0), rtol=0, atol=ROUNDED)
    assert result.facts["query"] == "mean" and result.axes == ("batch", "time")


def test_only_the_likeliest_are_followed_and_it_says_so() -> None:
    model, x = Given(random_layers(3, 2, 8)), inputs(8)
    all_of_them = pl.attention_max_flow(query="first")(model, x)
    some = pl.attention_max_flow(query="first", sources=3)(model, x)
    rolled = pl.attention_rollout(query="first")(model, x).values
    for i in range(2):
        followed = np.argsort(-rolled[i])[:3]
        assert set(some.values[i].nonzero()[0]) == set(followed)
        np.testing.assert_array_equal(some.values[i, followed], all_of_them.values[i, followed])
    assert "Only the 3 of 8 tokens" in some.notes[0].en and "其余按 0" in some.notes[0].zh
    assert some.facts["left out"] == 5 and all_of_them.facts["left out"] == 0
    assert not any("Only the" in note.en for note in all_of_them.notes)


@pytest.mark.parametrize("name", ["tiny_vit", "causal_lm", "masked_tokens"])
def test_values_are_widths(name: str) -> None:
    network = NETWORKS[name]
    result = pl.attention_max_flow()(network.build(), network.x(2))
    assert (result.values >= 0).all() and (result.values <= 1).all() and result.values.any()
    if name == "causal_lm":
        assert result.facts["query"] == (6, 6)
        early = pl.attention_max_flow(query=2)(network.build(), network.x(2))
        assert not early.values[:, 3:].any()
        assert "The largest values: " in result.describe("en") and "最大的值：" in result.describe("zh")
