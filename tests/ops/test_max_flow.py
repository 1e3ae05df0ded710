"""Flows through layers of pipes: closed forms, a linear program, the whole graph at once, and known narrowest cuts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from pellucid.ops import max_flow
from pellucid.ops.max_flow import ONE, Pipes
from pellucid.ops.rollout import with_residual
from tests.methods.attention.stacks import random_layers

ROUNDED = 2e-7


def flows(top: np.ndarray, layers: list[np.ndarray]) -> np.ndarray:
    """The maximum flow to every token of the input; `layers` with the last one first."""
    found = Pipes(top, layers)
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


def in_the_whole_graph(top: np.ndarray, layers: list[np.ndarray]) -> list[float]:
    """The same maxima with every pipe laid from the beginning, each token after each layer a node of its own."""
    size, nodes = len(top), 1 + (len(layers) + 1) * len(top)
    widths = np.zeros((nodes, nodes), dtype=np.int32)
    widths[0, 1 : 1 + size] = np.rint(top * ONE)
    for level, layer in enumerate(layers):
        start = 1 + level * size
        widths[start : start + size, start + size : start + 2 * size] = np.rint(layer * ONE)
    graph = csr_array(widths)
    return [maximum_flow(graph, 0, nodes - size + token, method="dinic").flow_value / ONE for token in range(size)]


@pytest.mark.parametrize("kept", [1, 4])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("layers", [1, 2, 5])
def test_what_is_laid_only_where_needed_is_never_less(
    monkeypatch: pytest.MonkeyPatch, layers: int, causal: bool, kept: int
) -> None:
    monkeypatch.setattr(max_flow, "KEPT", kept)
    several = capacities(layers, 24, seed=layers, causal=causal)
    for top in (np.eye(24)[23], np.full(24, 1 / 24)):
        found = Pipes(top, several)
        assert [found.to(token) for token in range(24)] == in_the_whole_graph(top, several)


def test_more_is_laid_where_the_narrowest_cut_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(max_flow, "KEPT", 1)
    top, layers = np.eye(24)[23], capacities(5, 24, seed=5)
    found = Pipes(top, layers)
    laid = found.laid
    assert [found.to(token) for token in range(24)] == in_the_whole_graph(top, layers) and laid < found.laid
