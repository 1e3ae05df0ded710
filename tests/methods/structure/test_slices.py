"""Network slices: a row per level and call, with what it holds, answers and passes back."""

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import pellucid as pl
from pellucid.core.sites import Site
from pellucid.engine.edits import patch
from tests.engine.asking import see
from tests.networks import NETWORKS
from tests.oracle import naive

PICTURES = ("weight", "activation", "gradient")


def test_numbers_of_a_level() -> None:
    network = NETWORKS["article_net"]
    model, x = network.build(), network.x(2)
    row = pl.slices(layer="conv2")(model, x, target=[3, 3]).rows[0]
    activation, gradient = naive.layer_gradient(model, model.conv2, x, [3, 3])
    assert row["kind"] == "Conv2d" and row["weight_shape"] == (16, 6, 5, 5)
    assert row["activation_shape"] == (2, 16, 10, 10)
    assert row["weight_norm"] == pytest.approx(float(model.conv2.weight.detach().double().norm()))
    assert row["activation_std"] == pytest.approx(float(activation.double().std(correction=0)), rel=1e-5)
    np.testing.assert_allclose(row["activation"], activation[0].mean(0).numpy(), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(row["gradient"], gradient[0].mean(0).numpy(), rtol=1e-4, atol=1e-8)


def test_a_module_called_twice_has_a_row_per_call() -> None:
    network = NETWORKS["called_twice"]
    model, x = network.build(), network.x(2)
    table = pl.slices()(model, x, target=1)
    assert [row["layer"] for row in table.rows] == ["stem", "block#0", "block#1", "fc"]
    first, second = table.rows[1:3]
    seen = naive.activation(model, model.block, x)
    for row, value in zip((first, second), seen, strict=True):
        assert row["activation_mean"] == pytest.approx(float(value.double().mean()), rel=1e-5)
    assert first["weight_norm"] == second["weight_norm"] and first["gradient_norm"] != second["gradient_norm"]


def test_rows_run_in_execution_order_not_as_registered() -> None:
    class Reversed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.last, self.first = torch.nn.Linear(4, 2), torch.nn.Linear(3, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(self.first(x))

    assert [row["layer"] for row in pl.slices()(Reversed().eval(), torch.randn(1, 3)).rows] == ["first", "last"]


@pytest.mark.parametrize("name", ["article_net", "called_twice", "residual", "in_place", "tiny_vit", "causal_lm"])
def test_what_a_slice_answers_carries_the_rest_of_the_network(name: str) -> None:
    """Fed on from any slice, the network gives the same bits; and every slice is where the forward passes it."""
    network = NETWORKS[name]
    model, x = network.build(), network.x(2)
    first = see(model, x, keep=("every weight", "output"))
    table = pl.slices()(model, x, target=1)
    spots = first.at("every weight")
    assert [row["layer"] for row in table.rows] == [spot.address for spot in spots]
    for spot, row in zip(spots, table.rows, strict=True):
        place = spot.place
        site = Site(place.path, place.call, place.op, place.n, side=place.side)
        fed = see(model, x, keep=("output",), edits=(patch(site, spot.value),))
        assert torch.equal(fed["output"], first["output"])
        other = see(model, x, keep=("output",), edits=(patch(site, 2 * spot.value + 1),))
        assert not torch.equal(other["output"], first["output"])
        assert row["activation_mean"] == pytest.approx(float(spot.value.double().mean()), abs=1e-6)


def test_distribution_and_zeros_of_a_level() -> None:
    network = NETWORKS["article_net"]
    model, x = network.build(), network.x(2)
    row = pl.slices(layer="/relu.1")(model, x, target=1).rows[0]
    value, gradient = _after(model, x)
    expected, _ = np.histogram(value.double().numpy(), 41, (row["low"], row["high"]))
    np.testing.assert_allclose(row["distribution"], expected, atol=1)
    assert row["distribution"].sum() == value.numel()
    assert (row["low"], row["high"]) == (pytest.approx(float(value.min())), pytest.approx(float(value.max())))
    assert row["activation_zero"] == pytest.approx(float((value == 0).double().mean()), abs=1e-3)
    assert row["gradient_zero"] == pytest.approx(float((gradient == 0).double().mean()), abs=1e-3)
    assert row["activation_zero"] > 0.2 and row["gradient_zero"] > 0.5, "max pooling picks one of four"


def _after(model: Any, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The second ReLU of the article's network and the gradient there."""
    hidden = F.relu(model.conv2(model.pool(F.relu(model.conv1(x)))))
    rest = model.pool(hidden).view(-1, 16 * 5 * 5)
    score = model.fc3(F.relu(model.fc2(F.relu(model.fc1(rest)))))[:, 1].sum()
    (gradient,) = torch.autograd.grad(score, hidden)
    return hidden.detach(), gradient


def test_several_examples_have_pictures_of_their_own() -> None:
    network = NETWORKS["article_net"]
    model, x = network.build(), network.x(3)
    table = pl.slices(layer="conv1", examples=2)(model, x, target=1)
    (row,) = table.rows
    assert "activation_3" not in table.columns and "gradient_2" in table.columns
    second = pl.slices(layer="conv1")(model, x[1:2], target=1).rows[0]
    np.testing.assert_allclose(row["activation_2"], second["activation"], atol=1e-6)
    np.testing.assert_allclose(row["gradient_2"], second["gradient"], atol=1e-6)
    assert "example 2" in table.columns["activation_2"].en and "样本 2" in table.columns["activation_2"].zh


@pytest.mark.parametrize(
    "name",
    ["series", "volume", "tiny_vit", "channels_behind", "causal_lm", "rows", "parametrized", "two_inputs", "bfloat16"],
)
def test_pictures_are_small_and_flat_whatever_the_layout(name: str) -> None:
    network = NETWORKS[name]
    for row in pl.slices()(network.build(), network.x(2), target=1).rows:
        for picture in PICTURES:
            if row[picture] is not None:
                assert row[picture].ndim == 2 and max(row[picture].shape) <= 32


def test_a_layer_of_several_matrices_has_their_norm_and_no_picture() -> None:
    network = NETWORKS["lstm"]
    model = network.build()
    row = pl.slices()(model, network.x(2), target=1).rows[0]
    held = torch.cat([model.lstm.weight_ih_l0.flatten(), model.lstm.weight_hh_l0.flatten()])
    assert row["layer"] == "lstm" and row["weight"] is None
    assert row["weight_norm"] == pytest.approx(float(held.detach().double().norm()), rel=1e-6)


def test_a_function_that_reads_a_parameter_has_no_weight_of_its_own() -> None:
    network = NETWORKS["functional"]
    row = pl.slices()(network.build(), network.x(1), target=1).rows[0]
    assert row["layer"] == "/conv2d.0" and row["weight"] is None and row["weight_norm"] is None


def test_it_says_what_is_there() -> None:
    network = NETWORKS["article_net"]
    table = pl.slices()(network.build(), network.x(1), target=3)
    assert "Rows: 5" in table.describe("en") and "5" in table.describe("zh")
    assert "averages over channels" in table.describe("en") and "各通道的平均" in table.describe("zh")


def test_errors() -> None:
    with pytest.raises(pl.NotApplicable, match="weight matrix"):
        pl.slices()(torch.nn.ReLU(), torch.randn(1, 3), target=0)


@pytest.mark.filterwarnings("ignore:.*quantiz")
def test_quantised_weights_are_shown() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Linear(5, 3)).eval()
    packed = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
    weight = pl.slices(layer="1")(packed, torch.rand(2, 4), target=1).rows[0]["weight"]
    step = float(model[1].weight.detach().abs().max()) / 127
    np.testing.assert_allclose(weight, model[1].weight.detach().numpy(), atol=step)


def test_without_gradients_all_else_is_there() -> None:
    model, x = NETWORKS["no_gradient"].build(), NETWORKS["no_gradient"].x(2)
    table = pl.slices()(model, x)
    assert all(row["gradient"] is None and row["gradient_norm"] is None for row in table.rows)
    assert all(row["weight"] is not None and row["activation"] is not None for row in table.rows)
    assert "No gradients: the output carries no gradient" in table.notes[-1].en and "没有梯度" in table.notes[-1].zh
