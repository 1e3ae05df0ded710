"""Flow graph: the operations that ran, what each of them read, and whose parameters."""

import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.results import Graph
from tests.networks import NETWORKS, ZOO
from tests.networks.network import Network

SEEN = [network for network in ZOO if "flow_graph" not in network.refuses]


def links(graph: Graph) -> set[tuple[str, str]]:
    """Edges by the operations' addresses."""
    sites = {node["id"]: node["site"] for node in graph.nodes}
    return {(sites[edge["source"]], sites[edge["sink"]]) for edge in graph.edges}


@pytest.mark.parametrize("network", SEEN, ids=str)
def test_every_graph_is_one(network: Network) -> None:
    """Edges lead forward, each once; the output hangs on an input; each parameter is counted once."""
    model = network.build()
    graph = pl.flow_graph()(model, network.x(2))
    assert [node["id"] for node in graph.nodes] == list(range(len(graph.nodes)))
    assert all(edge["source"] < edge["sink"] for edge in graph.edges)
    assert len({(edge["source"], edge["sink"], edge["shape"]) for edge in graph.edges}) == len(graph.edges)
    reached = {node["id"] for node in graph.nodes if node["op"] == "input"}
    for edge in sorted(graph.edges, key=lambda edge: edge["sink"]):
        if edge["source"] in reached:
            reached.add(edge["sink"])
    assert graph.nodes[-1]["op"] == "output" and graph.nodes[-1]["id"] in reached
    total = sum(one.numel() for one in model.parameters())
    assert sum(node["parameters"] for node in graph.nodes) == total - graph.facts["unread parameters"]
    assert graph.facts["parameters"] == total
    assert (graph.facts["unread parameters"] > 0) is ("unused" in network.quirks)


@pytest.mark.parametrize("name", ["article_net", "residual", "tiny_vit", "lstm", "volume"])
def test_shapes_are_those_of_a_run(name: str) -> None:
    network = NETWORKS[name]
    model, ran = network.build(), {}
    for path, module in model.named_modules():
        if path and not any(module.children()):
            module.register_forward_hook(
                lambda _, __, out, path=path: ran.setdefault(path, []).append(
                    tuple((out[0] if isinstance(out, tuple) else out).shape)
                )
            )
    model(network.x(2))
    last: dict[str, list[tuple[int, ...]]] = {}
    for node in pl.flow_graph()(network.build(), network.x(2)).nodes:
        if node["module"] in ran:
            last.setdefault(node["module"], []).append(node["shape"])
    assert last and all(shapes[-1] == ran[path][-1] for path, shapes in last.items())


def test_writes_in_place_go_on_from_what_was_written() -> None:
    network = NETWORKS["in_place"]
    found = links(pl.flow_graph()(network.build(), network.x(1)))
    assert {
        ("conv2/conv2d.0", "/add.0"),
        ("relu/relu.0", "/add.0"),
        ("/add.0", "/relu.0"),
        ("/relu.0", "conv3/conv2d.0"),
        ("conv3/conv2d.0", "/getitem.0"),
        ("/getitem.0", "/mul.0"),
        ("/mul.0", "/relu.1"),
    } <= found
    assert ("conv3/conv2d.0", "/relu.1") not in found and ("conv2/conv2d.0", "/relu.0") not in found


def test_a_write_through_a_view_reaches_the_whole() -> None:
    network = NETWORKS["writes_through_view"]
    found = links(pl.flow_graph()(network.build(), network.x(1)))
    assert {
        ("conv/conv2d.0", "part/getitem.0"),
        ("part/getitem.0", "/mul.0"),
        ("conv/conv2d.0", "/mul.0"),
        ("/mul.0", "/relu.0"),
        ("/relu.0", "/mean.0"),
    } <= found
    assert ("conv/conv2d.0", "/mean.0") not in found


class Writes(nn.Module):
    """Assigns to a part, and writes into one half of a tensor after the other half was taken."""

    def forward(self, x: Tensor) -> Tensor:
        y = x * 2
        left, right = y[:, :2], y[:, 2:]
        y[:, 0] = x[:, 1].sigmoid()
        left.add_(1)
        return torch.cat([left, right.exp()], 1)


def test_setitem_and_untouched_views() -> None:
    graph = pl.flow_graph()(Writes().eval(), torch.randn(2, 4))
    found = links(graph)
    assert {
        ("/mul.0", "/setitem.0"),
        ("/sigmoid.0", "/setitem.0"),
        ("/setitem.0", "/add.0"),
        ("/add.0", "/cat.0"),
        ("/exp.0", "/cat.0"),
    } <= found
    assert ("/getitem.1", "/exp.0") in found, "the right half was never written"


def test_a_module_called_twice_is_two_operations_with_one_set_of_parameters() -> None:
    network = NETWORKS["called_twice"]
    graph = pl.flow_graph()(network.build(), network.x(1))
    by_site = {node["site"]: node for node in graph.nodes}
    first, second = by_site["block#0/conv2d.0"], by_site["block#1/conv2d.0"]
    assert (first["parameters"], second["parameters"]) == (330, 0)
    assert second["attributes"]["parameters of"] == "block#0/conv2d.0" and "parameters of" not in first["attributes"]
    assert first["attributes"]["kernel_size"] == (3, 3) and first["attributes"]["kind"] == "Conv2d"


def test_tied_weights_are_counted_at_their_first_reader() -> None:
    network = NETWORKS["tied_lm"]
    by_site = {node["site"]: node for node in pl.flow_graph()(network.build(), network.x(1)).nodes}
    assert by_site["head/linear.0"]["parameters"] == 0
    assert by_site["head/linear.0"]["attributes"]["parameters of"] == "embed/embedding.0"


def test_several_inputs_and_outputs() -> None:
    network = NETWORKS["two_inputs"]
    graph = pl.flow_graph()(network.build(), network.x(2))
    assert [(node["site"], node["shape"]) for node in graph.nodes[:2]] == [("0", (2, 3, 10, 10)), ("1", (2, 4))]
    assert {("0", "conv/conv2d.0"), ("1", "table/linear.0")} <= links(graph)
    network = NETWORKS["dict_output"]
    graph = pl.flow_graph()(network.build(), network.x(2))
    ends = {edge["shape"] for edge in graph.edges if edge["sink"] == graph.nodes[-1]["id"]}
    assert ends == {(2, 5), (2, 2)}


@pytest.mark.parametrize("real", [True, False])
def test_shapes_alone_end_where_the_model_raises(real: bool) -> None:
    network = NETWORKS["article_net"]
    graph = pl.flow_graph(real=real)(network.build().to("cpu" if real else "meta"), torch.randn(1, 3, 40, 40))
    assert graph.failed == len(graph.nodes) - 1 and graph.modules[0]["last"] == graph.failed
    assert graph.notes[-1].en.startswith("The model raised here")


def test_unread_parameters_are_said() -> None:
    network = NETWORKS["unused_branch"]
    graph = pl.flow_graph()(network.build(), network.x(1))
    assert "did not read 140 of 666 parameters" in graph.notes[0].en and "666 个参数中的 140 个" in graph.notes[0].zh


def test_a_model_that_raises_is_shown_up_to_there() -> None:
    network = NETWORKS["article_net"]
    graph = pl.flow_graph()(network.build(), torch.randn(1, 3, 40, 40))
    assert graph.nodes[graph.failed]["op"] == graph.nodes[-1]["op"]
    assert "raised" in graph.describe("en") and "报错" in graph.describe("zh")
    assert not any(node["op"] == "output" for node in graph.nodes)


def test_it_says_what_is_there() -> None:
    network = NETWORKS["article_net"]
    graph = pl.flow_graph()(network.build(), network.x(1))
    assert graph.describe("en").startswith("12 operations and 13 connections; the longest path has 12 operations.")
    assert "12 个运算" in graph.describe("zh") and graph.facts["operations"] == 12
    residual = NETWORKS["residual"]
    assert (
        pl.flow_graph()(residual.build(), residual.x(1)).describe("en").startswith("21 operations and 24 connections")
    )


def test_a_scripted_model_is_refused() -> None:
    with pytest.raises(pl.NotApplicable, match="script"):
        pl.flow_graph()(NETWORKS["scripted"].build(), NETWORKS["scripted"].x(1))
