"""Times and gradients of operations."""

import pytest
import torch
from torch import nn

import pellucid as pl
from tests.networks import NETWORKS


def test_gradients_are_those_of_autograd() -> None:
    network = NETWORKS["in_place"]
    model, x = network.build(), network.x(2)
    found = {node["site"]: node for node in pl.flow_graph(gradient=1)(model, x).nodes}
    head = next(node for node in reversed(list(found.values())) if node["op"] == "linear")
    assert head["gradient"] == pytest.approx((1 / head["shape"][-1]) ** 0.5)
    first = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    y = torch.randn(5, 3)
    hidden = first[0](y).detach().requires_grad_()
    first[2](hidden.tanh())[:, 1].sum().backward()
    graph = pl.flow_graph(gradient=1)(first, y)
    assert graph.nodes[1]["gradient"] == pytest.approx(float((hidden.grad**2).mean().sqrt()), rel=1e-5)
    assert "class 1" in graph.notes[0].en and "gradient" not in graph.nodes[0]


def test_the_predicted_class_is_one_that_can_be_asked_for() -> None:
    model, x = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), torch.randn(1, 3)
    asked = pl.flow_graph(gradient=int(model(x).argmax()))(model, x)
    assert pl.flow_graph(gradient="predicted")(model, x).nodes == asked.nodes


def test_without_a_gradient_the_graph_stands_and_says_so() -> None:
    class Detached(nn.Linear):
        def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - as the layer calls it
            return super().forward(input).detach()

    graph = pl.flow_graph(gradient=0)(Detached(3, 2), torch.randn(1, 3))
    assert "No gradients" in graph.notes[0].en and "没有梯度" in graph.notes[0].zh and len(graph.nodes) == 4


def test_times_are_medians_of_further_runs() -> None:
    model, x = nn.Sequential(nn.Linear(30, 40), nn.ReLU()), torch.randn(5, 30)
    views = pl.Lens(model).see(x, pl.flow_graph(runs=3), pl.flow_graph())
    assert views.cost.forwards == 4
    timed, plain = views
    assert all(node["time"] > 0 for node in timed.nodes[1:-1]) and "time" not in plain.nodes[1]
    assert timed.modules[0]["time"] == pytest.approx(sum(node["time"] for node in timed.nodes[1:-1]))
