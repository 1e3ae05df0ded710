"""Attention through layers: closed forms, and what holds of any probabilities."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pellucid.ops.rollout import gathered, interwoven, rolled, weighted, with_residual
from tests.methods.attention.stacks import random_layers

some = given(layers=st.integers(1, 4), tokens=st.integers(1, 7), causal=st.booleans(), seed=st.integers(0, 10**6))


def whole(layers: Tensor, **how: Any) -> Tensor:
    """The rollout of every token, `(query, key)`."""
    start = torch.eye(layers.shape[-1], dtype=layers.dtype)[None]
    return rolled(start, [with_residual(one[None], **how) for one in layers.flip(0)])[0]


@settings(deadline=None, max_examples=40)
@some
def test_rows_sum_to_one_and_causal_stays_causal(layers: int, tokens: int, causal: bool, seed: int) -> None:
    weights = random_layers(layers, 3, tokens, causal=causal, seed=seed)
    for heads in ("mean", "max", "min"):
        rolled_out = whole(weights, heads=heads)
        assert torch.allclose(rolled_out.sum(-1), torch.ones(tokens, dtype=torch.float64), atol=1e-14)
        assert bool((rolled_out >= 0).all()) and (not causal or not rolled_out.triu(1).any())


@settings(deadline=None, max_examples=40)
@some
def test_it_is_the_product_written_out(layers: int, tokens: int, causal: bool, seed: int) -> None:
    weights = random_layers(layers, 2, tokens, causal=causal, seed=seed)
    joint = np.eye(tokens)
    for layer in weights.numpy():
        step = np.zeros((tokens, tokens))
        for i in range(tokens):
            for j in range(tokens):
                step[i, j] = 0.5 * sum(head[i, j] for head in layer) / len(layer) + 0.5 * (i == j)
        joint = step @ joint
    np.testing.assert_allclose(whole(weights).numpy(), joint, rtol=0, atol=1e-14)


def test_closed_forms() -> None:
    eye = torch.eye(5, dtype=torch.float64)
    assert torch.equal(whole(eye.expand(6, 2, 5, 5)), eye)
    one = random_layers(1, 1, 5)
    assert torch.allclose(whole(one), (one[0, 0] + eye) / 2, atol=1e-16)
    even = torch.full((4, 3, 5, 5), 0.2, dtype=torch.float64)
    assert torch.allclose(whole(even), eye / 16 + (1 - 1 / 16) / 5, atol=1e-15)
    nothing = torch.zeros(2, 1, 5, 5, dtype=torch.float64)
    assert torch.equal(whole(nothing), eye)


def test_a_previous_token_head_moves_as_many_places_as_coins_fall() -> None:
    """Each layer stays or goes one back: the row is a binomial distribution."""
    before = torch.eye(6, dtype=torch.float64).roll(-1, 1)
    before[0] = torch.eye(6, dtype=torch.float64)[0]
    row = whole(before.expand(3, 1, 6, 6))[5]
    assert row.tolist() == [0, 0, 1 / 8, 3 / 8, 3 / 8, 1 / 8]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9])
def test_discarding_takes_the_weakest_and_never_the_class_token(share: float) -> None:
    weights = random_layers(1, 2, 6, seed=3)
    weights[..., 0] = 1e-9
    mixed = with_residual(weights, discard=share, kept=1)[0]
    off = mixed.clone().fill_diagonal_(0)
    joined = weights[0].mean(0)
    for i in range(6):
        gone = set((off[i] == 0).nonzero().flatten().tolist()) - {i}
        weakest = [j for j in joined[i].argsort().tolist() if j != 0][: int(share * 6)]
        assert gone == set(weakest) - {i}
    assert bool((mixed[1:, 0] > 0).all()) and torch.allclose(mixed.sum(-1), torch.ones(6, dtype=torch.float64))


@settings(deadline=None, max_examples=40)
@some
def test_relevance_as_a_sum_is_the_product(layers: int, tokens: int, causal: bool, seed: int) -> None:
    weights = random_layers(layers, 2, tokens, causal=causal, seed=seed)
    gradient = torch.randn(weights.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    steps = [weighted(a[None], g[None]) for a, g in zip(weights, gradient, strict=True)]
    eye = torch.eye(tokens, dtype=torch.float64)
    iterative, product = eye, eye
    for step in steps:
        iterative = iterative + step[0] @ iterative
        product = (eye + step[0]) @ product
    found = gathered(eye[None], reversed(steps))[0]
    assert torch.allclose(found, iterative - eye, atol=1e-13) and torch.allclose(found, product - eye, atol=1e-13)
    assert bool((found >= 0).all()) and (not causal or not found.triu(1).any())


def test_relevance_of_one_layer() -> None:
    weights, eye = random_layers(1, 2, 4), torch.eye(4, dtype=torch.float64)[None]
    gradient = torch.randn(1, 2, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    step = weighted(weights, gradient)
    by_hand = torch.stack([(weights[0, h] * gradient[0, h]).clamp(min=0) for h in (0, 1)]).mean(0)
    assert torch.allclose(step[0], by_hand, atol=1e-16)
    assert torch.equal(gathered(eye, [step]), step)
    assert torch.allclose(gathered(eye, [weighted(weights, 3 * gradient)]), 3 * step)
    against = gradient.clone()
    against[:, 1] = -1
    assert torch.allclose(weighted(weights, against), weighted(weights[:, :1], gradient[:, :1]) / 2)
    assert not gathered(eye, [weighted(weights, torch.zeros_like(gradient))]).any()


def test_two_sequences_that_do_not_meet_are_two_and_one_that_asks_adds_its_attention() -> None:
    steps = [weighted(one[None], torch.ones_like(one)[None]) for one in random_layers(3, 2, 4)]
    eye, across = torch.eye(4, dtype=torch.float64)[None], torch.rand(1, 2, 4, dtype=torch.float64)
    (first, none), (also_none, second) = interwoven((4, 2), [[(step, 0, 0)] for step in steps], steps[0])
    assert torch.allclose(first - eye, gathered(eye, reversed(steps)), atol=1e-14)
    assert not none.any() and not also_none.any() and torch.equal(second[0], torch.eye(2, dtype=torch.float64))
    _, (asking, own) = interwoven((4, 2), [[(across, 1, 0)]], steps[0])
    assert torch.equal(asking, across) and torch.equal(own[0], torch.eye(2, dtype=torch.float64))
    _, (asking, own) = interwoven((4, 2), [[(steps[0], 0, 0)], [(across, 1, 0)], [(across, 1, 0)]], steps[0])
    even = steps[0] / steps[0].sum(-1, keepdim=True) + eye
    assert torch.allclose(asking, 2 * across @ even, atol=1e-14) and not (own[0] - torch.eye(2)).any()


def test_of_two_that_ask_each_other_at_once_neither_sees_what_the_other_brought() -> None:
    there, back = (torch.rand(1, *shape, dtype=torch.float64) for shape in ((2, 3), (3, 2)))
    (own, across), (other, own_of_other) = interwoven((2, 3), [[(there, 0, 1), (back, 1, 0)]], there)
    assert torch.equal(across, there) and torch.equal(other, back)
    assert torch.equal(own[0], torch.eye(2).double()) and torch.equal(own_of_other[0], torch.eye(3).double())
    later = interwoven((2, 3), [[(there, 0, 1)], [(back, 1, 0)]], there)
    assert torch.allclose(later[1][1], torch.eye(3).double() + back @ there) and torch.equal(later[1][0], back)
