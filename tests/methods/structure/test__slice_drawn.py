"""The graph of layers."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pellucid import registry
from pellucid.methods.structure._slice_drawn import apart


class Forked(nn.Module):
    """Two layers that read one, and meet."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        first = F.relu(self.a(x))
        return F.relu(self.b(first)) + F.tanh(self.c(first)).sigmoid()


def test_ways_lead_through_what_is_no_layer() -> None:
    torch.manual_seed(0)
    dynamic_slice: Any = registry.factory("dynamic_slice")
    graph, *_ = dynamic_slice(steps=1, layer="every activation")(Forked(), torch.randn(1, 3), target=0)
    names = {node["id"]: node["op"].partition(" ")[0] for node in graph.nodes}
    ways = {(names[edge["source"]], names[edge["sink"]]) for edge in graph.edges}
    assert ways == {
        ("input", "relu"),
        ("relu", "relu"),
        ("relu", "tanh"),
        ("tanh", "sigmoid"),
        ("relu", "output"),
        ("sigmoid", "output"),
    }
    flows = {edge["source"]: edge["contribution"] for edge in graph.edges}
    assert flows[0] is None and flows[1] == graph.nodes[1]["attributes"]["contribution"]
    assert graph.nodes[1]["op"] == f"relu {graph.nodes[1]['attributes']['kept']}/4"


def test_names_keep_what_tells_them_apart() -> None:
    layers = [f"encoder.layer.{i}.intermediate.act/gelu.0" for i in range(3)]
    assert apart(layers) == ["layer.0", "layer.1", "layer.2"]
    mixed = ["_swish#0/hardtanh.0", "_blocks.1._swish#0/hardtanh.0"]
    assert apart(mixed) == ["_swish#0", "_blocks.1._swish#0"]
    for short in (["blocks.0.act", "stem"], ["/relu.0", "/relu.1"], layers[:1], [layers[0], layers[0]]):
        assert apart(short) == short
