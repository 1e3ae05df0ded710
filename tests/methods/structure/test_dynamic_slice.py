"""Dynamic slice: the fewest units, nested, tried by masking; against a naive masked forward."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import pellucid as pl
from pellucid import registry
from tests.networks import NETWORKS

dynamic_slice: Any = registry.factory("dynamic_slice")
THETAS = (0.0, 0.2, 0.5, 0.9, 1.0)


def _perceptron(bias: bool = True) -> Any:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(6, 20, bias=bias), nn.ReLU(), nn.Linear(20, 15, bias=bias), nn.ReLU(), nn.Linear(15, 4, bias=bias)
    )


def _x(count: int = 3) -> Tensor:
    return torch.randn(count, 6, generator=torch.Generator().manual_seed(1))


def _naive(model: Any, x: Tensor, target: int) -> list[Tensor]:
    """activation · gradient of both hidden layers, by autograd."""
    first = F.relu(model[0](x))
    second = F.relu(model[2](first))
    grads = torch.autograd.grad(model[4](second)[:, target].sum(), (first, second))
    return [(value * grad).detach() for value, grad in zip((first, second), grads, strict=True)]


def _masked(model: Any, x: Tensor, kept: list[list[int]]) -> Tensor:
    value = x
    for number, units in enumerate(kept):
        value = F.relu(model[2 * number](value))
        mask = torch.zeros(value.shape[1])
        mask[units] = 1
        value = value * mask
    return model[4](value).detach()


def _layers(graph: Any) -> list[dict[str, Any]]:
    return [node["attributes"] for node in graph.nodes if node["attributes"]]


@pytest.mark.parametrize("theta", THETAS)
def test_units_are_the_fewest_that_reach_the_share(theta: float) -> None:
    model, x = _perceptron(), _x(1)
    graph, *_ = dynamic_slice(theta=theta, steps=1, controls=0)(model, x, target=2)
    for layer, amounts in zip(_layers(graph), _naive(model, x, 2), strict=True):
        sizes = amounts[0].abs().double().numpy()
        falling = np.sort(sizes)[::-1].cumsum()
        expected = (
            int((falling < theta * sizes.sum() * (1 - 1e-9)).sum()) + (theta > 0) if theta < 1 else (sizes > 0).sum()
        )
        assert layer["kept"] == len(layer["units"]) == expected and layer["total"] == len(sizes)
        assert layer["contribution"] == pytest.approx(float(amounts[0, list(layer["units"])].sum()), abs=1e-6)


def test_slices_are_nested() -> None:
    model, x = _perceptron(), _x(1)
    found = [_layers(dynamic_slice(theta=theta, steps=1, controls=0)(model, x, target=2)[0]) for theta in THETAS]
    for smaller, larger in pairwise(found):
        for one, other in zip(smaller, larger, strict=True):
            assert set(one["units"]) <= set(other["units"])
    assert all(layer["units"] == () for layer in found[0])


@pytest.mark.parametrize("theta", [0.3, 0.8])
def test_the_score_of_a_slice_is_that_of_the_masked_network(theta: float) -> None:
    model, x = _perceptron(), _x(1)
    graph, series, _ = dynamic_slice(theta=theta, steps=2)(model, x, target=2)
    expected = float(_masked(model, x, [list(layer["units"]) for layer in _layers(graph)])[0, 2])
    assert graph.facts["score of the slice"] == pytest.approx(expected, abs=1e-6)
    assert series.curves["slice"][list(series.positions).index(theta)] == pytest.approx(expected, abs=1e-6)
    assert series.curves["slice"][0] == pytest.approx(float(_masked(model, x, [[], []])[0, 2]), abs=1e-6)


@pytest.mark.parametrize("name", ["perceptron", "article_net", "called_twice"])
def test_without_what_contributes_nothing_the_score_stays(name: str) -> None:
    """Piecewise linear: units whose contribution is zero are zero, or feed only units that are."""
    model: Any = _perceptron() if name == "perceptron" else NETWORKS[name].build()
    x = _x(2) if name == "perceptron" else NETWORKS[name].x(2)
    for graph in dynamic_slice(theta=1.0, steps=1, controls=1, examples=2)(model, x, target=1)[::3]:
        assert graph.facts["score of all that contribute"] == pytest.approx(graph.facts["score"], abs=1e-6)
        assert len(graph.notes) == 1
        if name != "called_twice":  # there every channel contributes
            assert 0 < graph.facts["kept units"] < sum(layer["total"] for layer in _layers(graph))


def test_contributions_without_constants_are_the_score_in_every_layer() -> None:
    graph, *_ = dynamic_slice(steps=1)(_perceptron(bias=False), _x(1), target=0)
    for layer in _layers(graph):
        assert layer["of"] == pytest.approx(graph.facts["score"], abs=1e-6)


def test_each_example_has_its_own_slice() -> None:
    model, x = _perceptron(), _x(3)
    together = dynamic_slice(steps=2, examples=3)(model, x, target=[0, 1, 2])
    assert len(together) == 9
    for i in range(3):
        alone = dynamic_slice(steps=2)(model, x[i : i + 1], target=i)
        assert _layers(together[3 * i])[0]["units"] == _layers(alone[0])[0]["units"]
        np.testing.assert_allclose(together[3 * i + 1].values, alone[1].values, atol=1e-6)


@pytest.mark.parametrize(("steps", "controls", "forwards"), [(1, 0, 1 + 1 + 3), (4, 2, 1 + 1 + 6 + 2 * 5)])
def test_cost(steps: int, controls: int, forwards: int) -> None:
    """One with everything kept, one put back, one for each share (0, theta and the steps), controls but for 0."""
    views = pl.Lens(_perceptron()).see(_x(2), dynamic_slice(steps=steps, controls=controls), target=1)
    assert (views.cost.forwards, views.cost.backwards) == (forwards, 1)


def test_random_sets_hold_less_of_a_network_with_one_way() -> None:
    class OneWay(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(6, 40, bias=False), nn.Linear(40, 2, bias=False)
            with torch.no_grad():
                self.b.weight *= 0.01
                self.b.weight[0, 7] = 5
                self.a.weight[7] = 1

        def forward(self, x: Tensor) -> Tensor:
            return self.b(F.relu(self.a(x)))

    torch.manual_seed(0)
    graph, series, _ = dynamic_slice(theta=0.8)(OneWay(), torch.ones(1, 6), target=0)
    assert _layers(graph)[0]["units"] == (7,)
    facts = graph.facts
    assert abs(facts["score of the slice"] - facts["score"]) < 0.05 * facts["score"]
    assert all(abs(one) < 0.05 * facts["score"] for one in facts["scores of random sets"])
    assert series.curves["random"].shape == series.curves["slice"].shape


@pytest.mark.parametrize("fill", ["zero", "mean"])
def test_what_the_others_become(fill: str) -> None:
    model, x = _perceptron(), _x(1)
    graph, *_ = dynamic_slice(theta=0.0, steps=1, fill=fill)(model, x, target=1)
    value = x
    for number in range(2):
        value = F.relu(model[2 * number](value))
        value = torch.zeros_like(value) if fill == "zero" else value.mean().expand_as(value)
    assert graph.facts["score of the slice"] == pytest.approx(float(model[4](value)[0, 1].detach()), abs=1e-6)


def test_skips_are_ways_of_their_own() -> None:
    network = NETWORKS["residual"]
    graph, *_ = dynamic_slice(steps=1)(network.build(), network.x(1), target=1)
    sources = [edge["source"] for edge in graph.edges]
    assert len(sources) > len(set(sources)), "a layer that two others read"
    assert all(edge["source"] < edge["sink"] for edge in graph.edges)
    assert {edge["sink"] for edge in graph.edges} == {node["id"] for node in graph.nodes[1:]}


def test_layers_can_be_named_and_weights_stand_in_for_activations() -> None:
    network = NETWORKS["article_net"]
    graph, *_ = dynamic_slice(layer="conv*", steps=1)(network.build(), network.x(1), target=1)
    assert [node["site"] for node in graph.nodes[1:-1]] == ["conv1", "conv2"]
    linear = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2))
    graph, *_ = dynamic_slice(steps=1)(linear, torch.randn(1, 3), target=1)
    assert [node["site"] for node in graph.nodes[1:-1]] == ["0", "1"]
    assert _layers(graph)[1]["units"] == (1,), "of the last layer only the class itself contributes"


@pytest.mark.parametrize("make", [nn.GELU, nn.Tanh])
def test_smooth_networks_are_tried_as_well(make: Callable[[], nn.Module]) -> None:
    """Every unit contributes there, so that nothing is taken away at one."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 9), make(), nn.Linear(9, 9), make(), nn.Linear(9, 2))
    graph, series, shares = dynamic_slice(steps=2)(model, _x(1), target=1)
    assert graph.facts["score of all that contribute"] == pytest.approx(graph.facts["score"], abs=1e-5)
    assert shares.values.shape == (2, 41) and np.isfinite(series.values).all()


def test_what_is_zero_to_first_order_and_matters_is_told() -> None:
    """Behind the layer a rectifier that is off by a little: without the unit that holds it down it is on."""

    class Held(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            a = F.relu(x)
            return torch.stack([a[:, 0] + torch.clamp(1 - a[:, 1], min=0), a[:, 1]], 1)

    graph, *_ = dynamic_slice(steps=1)(Held(), torch.tensor([[2.0, 3.0]]), target=0)
    assert graph.facts["score"] == 2 and graph.facts["score of all that contribute"] == 3
    assert len(graph.notes) == 2 and "first-order" in graph.notes[1].en and "一阶" in graph.notes[1].zh


def test_it_reads_itself_in_both_languages() -> None:
    graph, series, shares = dynamic_slice(steps=1)(_perceptron(), _x(1), target=1)
    assert "units (" in graph.notes[0].en and "个单元" in graph.notes[0].zh
    assert "parameter" not in graph.describe("en") and series.notes == graph.notes
    for one in (graph, series, shares):
        assert len(one.describe("en")) > 40 and one.describe("zh") != one.describe("en")


def test_errors() -> None:
    with pytest.raises(pl.NotApplicable, match="names no layer"):
        dynamic_slice(layer=())(nn.Linear(2, 2), torch.ones(1, 2))
    with pytest.raises(pl.NotApplicable, match="gradient"):
        dynamic_slice()(NETWORKS["no_gradient"].build(), NETWORKS["no_gradient"].x(1))
    with pytest.raises(pl.BadSetting):
        dynamic_slice(theta=1.5)
    with pytest.raises(pl.LayerNotFound):
        dynamic_slice(layer="nowhere")(_perceptron(), _x(1))
