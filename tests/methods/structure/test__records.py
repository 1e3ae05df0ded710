"""Records of operations and calls: what they were given, cost and belong to."""

import copy
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import pellucid as pl
from pellucid.results import Graph
from tests.networks import NETWORKS, ZOO
from tests.networks.network import Network

SEEN = [one for one in ZOO if "flow_graph" not in one.refuses]


def by_site(graph: Graph) -> dict[str, dict[str, Any]]:
    return {node["site"]: node for node in graph.nodes}


class Functional(nn.Module):
    """Nothing but functions, with a weight of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.scale = nn.Parameter(torch.randn(4, 3, 3, 3)), nn.Parameter(torch.ones(4))
        self.shift = nn.Buffer(torch.zeros(4))

    def forward(self, x: Tensor) -> Tensor:
        x = F.conv2d(x, self.weight, stride=2, padding=1)
        x = F.max_pool2d(x, 2)
        x = F.batch_norm(x, self.shift, self.scale.detach(), eps=1e-3)
        return torch.softmax(x.mean((2, 3)) * self.scale, dim=1)


def test_calls_of_functions_say_what_they_were_given() -> None:
    found, kind = by_site(pl.flow_graph()(Functional(), torch.randn(2, 3, 16, 16))), {"kind": "Functional"}
    assert found["/conv2d.0"]["attributes"] == {**kind, "kernel_size": (3, 3), "stride": 2, "padding": 1}
    assert found["/conv2d.0"]["weights"] == {"weight": (4, 3, 3, 3)} and found["/conv2d.0"]["parameters"] == 108
    assert found["/conv2d.0"]["flops"] == 2 * 2 * 4 * 8 * 8 * 27 and found["/conv2d.0"]["memory"] == 2 * 4 * 8 * 8 * 4
    assert found["/max_pool2d.0"]["attributes"]["kernel_size"] == 2
    assert found["/mean.0"]["attributes"] == {**kind, "dim": (2, 3)} and found["/softmax.0"]["attributes"]["dim"] == 1
    assert found["/batch_norm.0"]["attributes"]["eps"] == 1e-3 and found["/batch_norm.0"]["weights"]["shift"] == (4,)
    assert found["/mul.0"]["parameters"] == 0, "the scale was read before"
    assert found["output"]["dtype"] == found["/mul.0"]["dtype"] == found["input"]["dtype"] == "float32"


def test_views_take_no_memory_and_several_outputs_are_told() -> None:
    class Splits(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            one, two = x.split([1, 3], 1)
            return two.transpose(0, 1).reshape(-1).relu_().sum() + one.sum()

    found = by_site(pl.flow_graph()(Splits(), torch.randn(2, 4)))
    given = {"kind": "Splits", "split_size": (1, 3), "dim": 1}
    assert found["/split.0"]["attributes"] == {**given, "outputs": ((2, 1), (2, 3))}
    assert [found[f"/{op}.0"]["memory"] for op in ("split", "transpose", "reshape", "relu", "sum")] == [0, 0, 24, 0, 4]


@dataclass
class Answer:
    """What a model may answer with."""

    scores: Tensor
    parts: dict[str, Tensor]


class Answers(nn.Module):
    """A dataclass with a dict as output."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Answer:
        y = self.fc(x)
        return Answer(y.softmax(1), {"largest": y.amax(1)})


def test_outputs_in_dataclasses_are_reached() -> None:
    graph = pl.flow_graph()(Answers(), torch.randn(2, 3))
    ends = {graph.nodes[edge["source"]]["op"] for edge in graph.edges if edge["sink"] == graph.nodes[-1]["id"]}
    assert ends == {"softmax", "amax"} and graph.nodes[-1]["op"] == "output"


@pytest.mark.parametrize("network", SEEN, ids=str)
def test_calls_of_modules_hold_their_operations_and_sums(network: Network) -> None:
    graph = pl.flow_graph()(network.build(), network.x(2))
    whole, *others = graph.modules
    inside = [one for one in graph.nodes if one["op"] not in ("input", "output")]
    assert (whole["path"], whole["parent"]) == ("", None)
    assert (whole["first"], whole["last"]) == (inside[0]["id"], inside[-1]["id"])
    for one in graph.modules:
        held = graph.nodes[one["first"] : one["last"] + 1]
        for name in ("parameters", "flops", "memory"):
            assert one[name] == sum(node[name] for node in held)
    for one in others:
        around = graph.modules[one["parent"]]
        assert around["first"] <= one["first"] <= one["last"] <= around["last"]
    known = {(one["path"], one["call"]) for one in graph.modules}
    assert len(known) == len(graph.modules) and all((node["module"], node["call"]) in known for node in inside)
    assert graph.facts["flops"] == whole["flops"] and graph.facts["memory"] == whole["memory"]


@pytest.mark.parametrize("name", ["article_net", "residual", "tiny_vit", "causal_lm", "volume"])
def test_flops_of_layers_by_formula(name: str) -> None:
    network = NETWORKS[name]
    model = network.build()
    for node in pl.flow_graph()(model, network.x(2)).nodes:
        layer = dict(model.named_modules()).get(node["module"])
        rest = torch.Size(node["shape"]).numel()
        if isinstance(layer, nn.Linear):
            assert node["flops"] == 2 * rest * layer.in_features
        elif isinstance(layer, nn.Conv2d | nn.Conv3d):
            size = torch.Size(layer.kernel_size).numel()
            assert node["flops"] == 2 * rest * layer.in_channels // layer.groups * size


def test_figures_are_those_of_what_flowed() -> None:
    model, x = nn.Sequential(nn.Linear(4, 5), nn.ReLU()).eval(), torch.randn(3, 4)
    found = by_site(pl.flow_graph()(model, x))
    y = model[0](x).detach()
    assert found["0/linear.0"]["value"]["mean"] == pytest.approx(float(y.mean()), rel=1e-5)
    assert found["0/linear.0"]["value"]["rms"] == pytest.approx(float((y**2).mean().sqrt()), rel=1e-5)
    assert found["1/relu.0"]["value"]["zeros"] == pytest.approx(float((y <= 0).float().mean()))
    assert not any("value" in one for one in pl.flow_graph(real=False)(model, x).nodes)


def test_a_copy_on_the_meta_device_has_the_same_records() -> None:
    network = NETWORKS["tiny_vit"]
    model, x = network.build(), network.x(2)
    real, shapes = pl.flow_graph()(model, x), pl.flow_graph()(copy.deepcopy(model).to("meta"), x)
    plain = [{key: one for key, one in node.items() if key != "value"} for node in real.nodes]
    assert plain == list(shapes.nodes) and real.edges == shapes.edges and real.modules == shapes.modules
    assert real.folds == shapes.folds and "Nothing was computed" in shapes.notes[0].en
