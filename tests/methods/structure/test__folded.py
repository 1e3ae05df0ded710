"""Folding loses nothing: unfolded, a graph is what it was."""

from typing import Any

import pytest
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import pellucid as pl
from pellucid.methods.structure._folded import Folded, fold, unfold
from pellucid.results import Graph
from tests.networks import ZOO
from tests.networks.network import Network

SEEN = [one for one in ZOO if "flow_graph" not in one.refuses]
Records = list[dict[str, Any]]


def folded(graph: Graph) -> Folded:
    found = fold(graph.nodes, graph.edges, graph.modules)
    assert unfold(found) == (list(graph.nodes), list(graph.edges))
    return found


@pytest.mark.parametrize("network", SEEN, ids=str)
def test_nothing_is_lost(network: Network) -> None:
    folded(pl.flow_graph()(network.build(), network.x(2)))


class Block(nn.Module):
    """Two experts in a row, and what they are given."""

    def __init__(self, shared: bool) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4)
        self.experts = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), nn.GELU()) for _ in range(2)])
        self.shared = shared

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        y = self.norm(x)
        for one in self.experts:
            y = one(y)
        return x + (y * mask if self.shared else y)


class Deep(nn.Module):
    """Equal blocks that all read one tensor made before them."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([Block(shared=True) for _ in range(depth)])
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        mask = (x > 0).float()
        for layer in self.layers:
            x = layer(x, mask)
        return self.head(x)


def test_fifty_layers_are_one_with_runs_inside() -> None:
    graph = pl.flow_graph(real=False)(Deep(50), torch.randn(3, 4))
    found = folded(graph)
    outer = found.repeats[-1]
    assert (outer.times, outer.length, outer.others) == (50, 7, {})
    assert [(one.times, one.length) for one in found.repeats[:-1]] == [(2, 2)]
    assert len(found.nodes) == 1 + 2 + 7 - 2 + 1 + 1
    assert graph.folds[0] == tuple(f"layers.{i}" for i in range(50)) and len(graph.folds) == 51


def test_a_module_called_again_and_again_is_a_run_of_calls() -> None:
    layer = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    graph = pl.flow_graph(real=False)(nn.Sequential(*[layer] * 6), torch.randn(2, 4))
    found = folded(graph)
    assert [(one.times, one.length) for one in found.repeats] == [(6, 3)]
    assert graph.folds == (), "there is one module, not six"


def test_patterns_of_two_are_runs() -> None:
    pairs = [one for _ in range(4) for one in (nn.Sequential(nn.Linear(4, 4), nn.ReLU()), nn.Sequential(nn.Tanh()))]
    (repeat,) = folded(pl.flow_graph(real=False)(nn.Sequential(*pairs), torch.randn(2, 4))).repeats
    assert (repeat.times, repeat.length, len(repeat.paths[0])) == (4, 3, 2)


def test_blocks_that_all_read_one_another_are_no_run() -> None:
    class Dense(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), nn.ReLU()) for _ in range(5)])

        def forward(self, x: Tensor) -> Tensor:
            seen = [x]
            for block in self.blocks:
                seen.append(block(torch.stack(seen).sum(0)))
            return seen[-1]

    assert not folded(pl.flow_graph(real=False)(Dense(), torch.randn(2, 4))).repeats


def node(index: int, op: str, module: str, call: int) -> dict[str, Any]:
    where = {"id": index, "op": op, "site": f"{module}/{op}.0", "module": module, "call": call}
    return {**where, "shape": (2,), "parameters": 0, "attributes": {}, "flops": 0, "memory": 8, "weights": {}}


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Records, Records, Records]:
    """Random calls in calls, of few kinds so that many are alike, with random edges from earlier to later."""
    nodes: Records = [{**node(0, "input", "", 0), "site": "input"}]
    calls: Records = []

    def grow(path: str, parent: int | None, depth: int) -> None:
        for i in range(draw(st.integers(1, 4))):
            if depth and draw(st.booleans()):
                own = f"{path}.{i}".lstrip(".")
                calls.append(
                    {"path": own, "call": 0, "kind": "Block", "parent": parent, "first": len(nodes), "last": 0}
                )
                at = len(calls) - 1
                grow(own, at, depth - 1)
                calls[at]["last"] = len(nodes) - 1
            else:
                nodes.append(node(len(nodes), draw(st.sampled_from(["relu", "relu", "tanh"])), path, 0))

    calls.append({"path": "", "call": 0, "kind": "Model", "parent": None, "first": 1, "last": 0})
    grow("", 0, 3)
    calls[0]["last"] = len(nodes) - 1
    edges: Records = []
    for one in nodes[1:]:
        skip = draw(st.integers(0, 12))
        sources = [one["id"] - 1] if skip or one["id"] < 3 else [one["id"] - 1, one["id"] - 3]
        edges += [{"source": source, "sink": one["id"], "shape": (2,)} for source in sources]
    return nodes, edges, calls


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_random_graphs(graph: tuple[Records, Records, Records]) -> None:
    nodes, edges, calls = graph
    found = fold(nodes, edges, calls)
    assert unfold(found) == (nodes, edges)
    event(f"{len(found.repeats)} runs")
