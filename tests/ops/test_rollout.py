"""Attention through layers: closed forms, what holds of any probabilities, and flows whose narrowest cut is known."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from torch import Tensor

from pellucid.ops.rollout import gathered, pipes, rolled, weighted, with_residual
from tests.methods.attention.stacks import random_layers

ROUNDED = 2e-7
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


def flows(top: np.ndarray, layers: list[np.ndarray]) -> np.ndarray:
    """The maximum flow to every token of the input; `layers` with the last one first."""
    found = pipes(top, layers)
    return np.array([found.to(token) for token in range(len(top))])


def capacities(layers: int, tokens: int, seed: int, *, causal: bool = False) -> list[np.ndarray]:
    weights = random_layers(layers, 2, tokens, causal=causal, seed=seed)
    return [with_residual(one[None])[0].numpy() for one in weights]


@settings(deadline=None, max_examples=20)
@given(tokens=st.integers(1, 6), seed=st.integers(0, 10**6), causal=st.booleans())
def test_flow_through_one_and_two_layers(tokens: int, seed: int, causal: bool) -> None:
    upper, lower = capacities(2, tokens, seed, causal=causal)
    for i in range(tokens):
        top = np.eye(tokens)[i]
        np.testing.assert_allclose(flows(top, [upper]), upper[i], rtol=0, atol=ROUNDED)
        narrow = np.minimum(upper[i][:, None], lower).sum(0)
        np.testing.assert_allclose(flows(top, [upper, lower]), narrow, rtol=0, atol=ROUNDED)


def by_linear_program(top: np.ndarray, layers: list[np.ndarray], token: int) -> float:
    """The same maximum, as the largest sum of flows along all paths that no pipe forbids."""
    size = len(top)
    paths = [(a,) for a in range(size)]
    for _ in layers:
        paths = [(*path, b) for path in paths for b in range(size)]
    paths = [path for path in paths if path[-1] == token]
    pipes = {(0, None, a): top[a] for a in range(size)}
    pipes |= {(i, a, b): one[a, b] for i, one in enumerate(layers, 1) for a in range(size) for b in range(size)}
    used = np.array(
        [[((None, *path)[level], path[level]) == (a, b) for path in paths] for level, a, b in pipes],
        dtype=float,
    )
    return -linprog(-np.ones(len(paths)), A_ub=used, b_ub=list(pipes.values())).fun


@pytest.mark.parametrize("seed", range(4))
def test_flow_is_what_a_linear_program_finds(seed: int) -> None:
    layers = capacities(3, 3, seed)
    for top in (np.eye(3)[1], np.full(3, 1 / 3)):
        expected = [by_linear_program(top, layers, token) for token in range(3)]
        np.testing.assert_allclose(flows(top, layers), expected, rtol=0, atol=ROUNDED)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10**6))
def test_flow_is_bounded_and_never_falls_when_a_pipe_grows(seed: int) -> None:
    layers = capacities(3, 4, seed)
    found = flows(np.eye(4)[0], layers)
    best = np.minimum(np.minimum(layers[0][0][:, None, None], layers[1][:, :, None]), layers[2][None]).max((0, 1))
    assert (found <= np.minimum(1, layers[-1].sum(0)) + ROUNDED).all() and (found >= best - ROUNDED).all()
    wider = [one.copy() for one in layers]
    wider[seed % 3][seed % 4, seed // 4 % 4] += 0.2
    assert (flows(np.eye(4)[0], wider) >= found).all()


def test_a_layered_graph_whose_narrowest_cut_is_known() -> None:
    """Two ways to token 2: one is cut at the top (0.25), the other at the bottom (0.125)."""
    upper, lower = np.zeros((3, 3)), np.zeros((3, 3))
    upper[0] = [0.25, 0.75, 0]
    lower[0, 2], lower[1] = 1.0, [0, 0.875, 0.125]
    assert flows(np.eye(3)[0], [upper, lower]).tolist() == [0, 0.75, 0.375]
