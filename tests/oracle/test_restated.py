"""The methods without a peer against their plain restatements."""

import numpy as np
import pytest
import torch

import pellucid as pl
from tests.networks import NETWORKS, seeded, vision
from tests.oracle import naive


@pytest.fixture(scope="module")
def twins() -> tuple[torch.nn.Module, torch.nn.Module]:
    """The article's network, and the same weights with one module per operation."""
    net, twin = seeded(vision.ArticleNet)(), seeded(vision.ArticleTwin)()
    twin.load_state_dict(net.state_dict())
    return net, twin


def test_activation_maps_are_what_the_layer_returned(twins: tuple[torch.nn.Module, torch.nn.Module]) -> None:
    net, twin = twins
    x = NETWORKS["article_net"].x(2)
    first, second = pl.activation_maps(layer="pool")(net, x)
    assert np.array_equal(first.values, naive.activation(twin, twin.pool1, x)[0].numpy())
    assert np.array_equal(second.values, naive.activation(twin, twin.pool2, x)[0].numpy())


@pytest.mark.parametrize("name", ["in_place", "residual"])
def test_values_are_from_before_they_are_overwritten(name: str) -> None:
    """A batch norm whose output the next ReLU overwrites: the restatement copies it at once."""
    network = NETWORKS[name]
    layer = {"in_place": "bn1", "residual": "1.bn1"}[name]
    values = pl.activation_maps(layer=layer)(network.build(), network.x(2)).values
    model = network.build()
    assert np.array_equal(values, naive.activation(model, model.get_submodule(layer), network.x(2))[0].numpy())
    assert (values < 0).any()


def test_activation_statistics(twins: tuple[torch.nn.Module, torch.nn.Module]) -> None:
    net, twin = twins
    x = NETWORKS["article_net"].x(2)
    rows = pl.activation_statistics()(net, x).rows
    layers = (twin.relu1, twin.relu2, twin.relu3, twin.relu4)
    assert len(rows) == len(layers)
    for row, layer in zip(rows, layers, strict=True):
        expected = naive.statistics(naive.activation(twin, layer, x)[0])
        assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("layer", ["conv1", "conv2", "fc3"])
def test_gradient_maps(twins: tuple[torch.nn.Module, torch.nn.Module], layer: str) -> None:
    net, twin = twins
    x, label = NETWORKS["article_net"].x(3), [1, 7, 4]
    values = pl.gradient_maps(layer=layer)(net, x, target=label).values
    expected = naive.gradient_maps(twin, x, label)[f"{layer}.weight"].numpy()
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())


def test_gradient_flow(twins: tuple[torch.nn.Module, torch.nn.Module]) -> None:
    net, twin = twins
    x, label, layers = NETWORKS["article_net"].x(3), [1, 7, 4], ("conv1", "conv2", "fc1", "fc2", "fc3")
    result = pl.gradient_flow()(net, x, target=label)
    expected = naive.gradient_flow(twin, layers, x, label)
    moved = naive.gradient_maps(twin, x, label)
    assert result.labels == layers
    assert dict(zip(layers, result.curves["‖∂L/∂a‖"], strict=True)) == pytest.approx(expected, rel=1e-5)
    norms = [float(moved[f"{layer}.weight"].double().norm()) for layer in layers]
    assert list(result.curves["‖∂L/∂W‖"]) == pytest.approx(norms, rel=1e-5)


def test_slices_run_in_execution_order_with_a_row_per_call(twins: tuple[torch.nn.Module, torch.nn.Module]) -> None:
    net, twin = twins
    x = NETWORKS["article_net"].x(2)
    rows = pl.slices()(net, x, target=3).rows
    assert [row["layer"] for row in rows] == ["conv1", "conv2", "fc1", "fc2", "fc3"]
    for row in rows:
        seen, gradient = naive.layer_gradient(twin, twin.get_submodule(row["layer"]), x, [3, 3])
        assert row["activation_mean"] == pytest.approx(float(seen.double().mean()), rel=1e-5)
        assert row["gradient_norm"] == pytest.approx(float(gradient.double().norm()), rel=1e-5)
    twice = NETWORKS["called_twice"]
    names = [row["layer"] for row in pl.slices()(twice.build(), twice.x(1)).rows]
    assert names == ["stem", "block#0", "block#1", "fc"]


def test_flow_graph_of_the_article_network(twins: tuple[torch.nn.Module, torch.nn.Module]) -> None:
    net, _ = twins
    graph = pl.flow_graph()(net, NETWORKS["article_net"].x(2))
    stage, dense = ["conv2d", "relu", "max_pool2d"], ["linear", "relu"]
    assert [node["op"] for node in graph.nodes] == ["input", *stage, *stage, "view", *dense, *dense, "linear", "output"]
    assert [(edge["source"], edge["sink"]) for edge in graph.edges] == [(i, i + 1) for i in range(13)]
    assert sum(node["parameters"] for node in graph.nodes) == sum(one.numel() for one in net.parameters())
    assert graph.nodes[3]["site"] == "pool#0/max_pool2d.0" and graph.nodes[6]["module"] == "pool"


@pytest.mark.parametrize(
    "name",
    [
        "article_net",
        "in_place",
        "residual",
        "tiny_vit",
        "causal_lm",
        "lstm",
        "two_inputs",
        "tied_lm",
        "writes_through_view",
        "checkpointed",
    ],
)
def test_flow_graph_is_acyclic_and_every_output_hangs_on_an_input(name: str) -> None:
    network = NETWORKS[name]
    model = network.build()
    graph = pl.flow_graph()(model, network.x(2))
    assert all(edge["source"] < edge["sink"] for edge in graph.edges)
    reached = {node["id"] for node in graph.nodes if node["op"] == "input"}
    for edge in sorted(graph.edges, key=lambda edge: edge["sink"]):
        if edge["source"] in reached:
            reached.add(edge["sink"])
    assert graph.nodes[-1]["op"] == "output" and graph.nodes[-1]["id"] in reached


def test_weights_are_the_weights_as_they_act() -> None:
    net = NETWORKS["article_net"].build()
    assert np.array_equal(pl.weights(layer="conv1")(net).values, net.conv1.weight.detach().numpy())
    assert pl.weights()(net).layer == "conv1:weight"
    network = NETWORKS["parametrized"]
    model = network.build()
    assert np.array_equal(pl.weights(layer="0")(model).values, model[0].weight.detach().numpy())
