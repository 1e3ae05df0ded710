"""Network slices: a row per level and call, with what it holds, answers and passes back."""

import numpy as np
import pytest
import torch

import pellucid as pl
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
    with pytest.raises(pl.NotApplicable, match="gradient"):
        pl.slices()(NETWORKS["no_gradient"].build(), NETWORKS["no_gradient"].x(1))
    with pytest.raises(pl.NotApplicable, match="weight matrix"):
        pl.slices()(torch.nn.ReLU(), torch.randn(1, 3), target=0)
