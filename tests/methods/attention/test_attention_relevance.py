"""Attention relevance: the sum of the paper written out, known heads, and the row that is read."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.results.caption import title
from tests.methods.attention.stacks import Given, Induction, inputs, random_layers
from tests.networks import NETWORKS
from tests.networks.writers import bart, t5, words


def naive(layers: Tensor, x: Tensor, target: int, read: int) -> np.ndarray:
    """`R - I` of one example by autograd, as the paper's `R ← R + Ā R`."""
    weights = layers.clone().requires_grad_()
    h = x
    for layer in weights:
        h = h + (layer @ h[None]).mean(0)
    gradient = torch.autograd.grad(h[read, target], weights)[0]
    joint = np.eye(layers.shape[-1])
    for a, g in zip(layers.numpy(), gradient.numpy(), strict=True):
        joint = joint + np.maximum(a * g, 0).mean(0) @ joint
    return joint - np.eye(len(joint))


@pytest.mark.parametrize("layers", [1, 2, 5])
def test_the_sum_of_the_paper(layers: int) -> None:
    weights, x = random_layers(layers, 3, 6), inputs(6)
    result = pl.attention_relevance(query=2)(Given(weights, read=2), x, target=1)
    for i in range(2):
        row = naive(weights, x[i], 1, 2)[2]
        assert result.facts["own"][i] == pytest.approx(row[2], abs=1e-14)
        row[2] = 0
        np.testing.assert_allclose(result.values[i], row, rtol=0, atol=1e-13)
    assert (result.values >= 0).all() and result.signed is False and result.facts["query"] == (2, 2)


def test_all_of_the_family_share_one_forward_and_one_backward() -> None:
    network = NETWORKS["tiny_vit"]
    views = pl.Lens(network.build()).see(
        network.x(2),
        pl.attention_rollout(),
        pl.attention_rollout(query="first"),
        pl.attention_relevance(),
        pl.attention_max_flow(),
        target=1,
    )
    assert not views.failures and (views.cost.forwards, views.cost.backwards) == (1, 1)
    without = pl.Lens(network.build()).see(network.x(2), pl.attention_rollout(), pl.attention_max_flow())
    assert (without.cost.forwards, without.cost.backwards) == (1, 0)


def test_an_induction_head_is_led_back_to_what_it_copies() -> None:
    model = Induction(7, 9).eval()
    tokens = torch.tensor([[4, 2, 6, 1, 0, 3, 5, 1, 2], [5, 3, 0, 6, 2, 4, 1, 0, 3]])
    answers, copied = [6, 0], [2, 2]
    assert model(tokens)[:, -1].argmax(1).tolist() == answers
    result = pl.attention_relevance()(model, tokens, target=None)
    assert result.targets[0].index == (8, 6) and result.facts["query"] == (8, 8)
    assert result.values.argmax(1).tolist() == copied
    assert (result.values.max(1) > 0.9 * result.values.sum(1)).all()
    assert result.base.kind == "tokens" and "Read where the target is: 8." in [note.en for note in result.notes]


def test_another_position_is_read_where_the_target_is() -> None:
    network = NETWORKS["causal_lm"]
    result = pl.attention_relevance()(network.build(), network.x(2), target=(3, 1))
    assert result.facts["query"] == (3, 3) and not result.values[:, 3:].any() and result.values[:, :3].any()


def test_a_head_that_only_lowers_the_target_counts_nothing() -> None:
    x = inputs(5).abs()
    up, down = (sign * x for sign in (1, -1))
    model = Given(random_layers(1, 2, 5))
    assert pl.attention_relevance(query="first")(model, up, target=0).values.any()
    silent = pl.attention_relevance(query="first")(model, down, target=0)
    assert not silent.values.any() and "In 2 of 2 examples no attention" in silent.notes[0].en
    assert "图为空" in silent.notes[0].zh


def test_a_score_twice_as_large_has_twice_the_relevance_of_one_layer() -> None:
    model, x = Given(random_layers(1, 2, 5)), inputs(5)
    once = pl.attention_relevance(query=0)(model, x, target=0).values
    twice = pl.attention_relevance(query=0)(model, x, target=lambda output: 2 * output[:, 0]).values
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-12)


def test_without_a_class_token_all_tokens_are_read() -> None:
    weights, x = random_layers(2, 2, 5), inputs(5)
    result = pl.attention_relevance()(Given(weights, read=0), x, target=1)
    expected = [naive(weights, one, 1, 0).mean(0) for one in x]
    np.testing.assert_allclose(result.values, expected, rtol=0, atol=1e-13)
    assert result.facts["query"] == "mean" and "own" not in result.facts
    assert "mean over all tokens" in result.notes[-1].en and "平均" in result.notes[-1].zh


def test_alone_and_in_a_batch_it_is_the_same() -> None:
    network = NETWORKS["tiny_vit"]
    both = pl.attention_relevance()(network.build(), network.x(2), target=[1, 2])
    alone = pl.attention_relevance()(network.build(), network.x(1), target=1)
    np.testing.assert_allclose(both.values[:1], alone.values, rtol=1e-5, atol=1e-9)
    assert both.axes == ("batch", "height", "width") and both.values.shape == (2, 4, 4)


@pytest.mark.parametrize("make", [t5, bart])
def test_what_a_decoder_reads_is_drawn_in_words_and_named(make: Callable[[], nn.Module]) -> None:
    lens = pl.Lens(make(), tokenizer=words(ends=True))
    read, written = lens.see({"input_ids": "the cat sat", "decoder_input_ids": "the mat"}, pl.attention_relevance())[0]
    assert [one.base and [name.strip() for name in one.base.names[0]][-2:] for one in (read, written)] == [
        ["sat", "</s>"],
        ["the", "mat"],
    ]
    titles = [title(one) for one in (read, written)]
    assert titles == ["Attention relevance · input_ids", "Attention relevance · decoder_input_ids"]
