"""Activation statistics: numbers of every activation, silent channels wherever the channels are."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import pellucid as pl
from tests.networks import NETWORKS
from tests.oracle import naive


class Behind(nn.Module):
    """A convolution, then a ReLU on `batch height width channel`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 6, 3), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(F.relu(self.conv(x).permute(0, 2, 3, 1)).mean((1, 2)))


def silenced(model: nn.Module, layer: str, *channels: int) -> nn.Module:
    """Channels of a layer that no ReLU lets through."""
    with torch.no_grad():
        for channel in channels:
            model.get_submodule(layer).weight[channel] = 0.0
            model.get_submodule(layer).bias[channel] = -1.0
    return model


def sigmoids() -> nn.Module:
    """The sigmoid of the input itself."""
    model = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Sigmoid())
    model[0].weight = nn.Parameter(torch.eye(4))
    return model.eval()


@pytest.mark.parametrize(
    ("model", "layer", "x", "channels"),
    [
        pytest.param(NETWORKS["frozen"].build(), "0", NETWORKS["frozen"].x(2), 6, id="channels first"),
        pytest.param(Behind().eval(), "conv", torch.randn(2, 3, 9, 8), 6, id="channels behind"),
        pytest.param(NETWORKS["causal_lm"].build(), "mlp.0", NETWORKS["causal_lm"].x(2), 16, id="tokens"),
        pytest.param(NETWORKS["series"].build(), "0", NETWORKS["series"].x(2), 6, id="series"),
        pytest.param(NETWORKS["volume"].build(), "0", NETWORKS["volume"].x(2), 4, id="volume"),
        pytest.param(NETWORKS["rows"].build(), "0", NETWORKS["rows"].x(3), 12, id="rows"),
    ],
)
def test_silent_channels_are_counted_along_the_channels(model: nn.Module, layer: str, x: Tensor, channels: int) -> None:
    row = pl.activation_statistics()(silenced(model, layer, 1, 3), x).rows[0]
    assert row["channels"] == channels
    assert row["silent"] >= 2
    inside = pl.activation_maps(layer=row["layer"])(model, x).tensor()
    axis = 2 if inside.ndim == 3 and inside.shape[2] == channels else 1
    assert row["silent"] == int((inside == 0).movedim(axis, 0).flatten(1).all(1).sum())


def test_numbers_are_those_of_all_elements() -> None:
    model, x = NETWORKS["in_place"].build(), NETWORKS["in_place"].x(2)
    rows = pl.activation_statistics()(model, x).rows
    assert [row["layer"] for row in rows] == ["relu/relu.0", "/relu.0", "/relu.1"]
    expected = naive.statistics(naive.activation(model, model.relu, x)[0])
    assert {name: rows[0][name] for name in expected} == pytest.approx(expected, rel=1e-5)
    assert rows[0]["min"] == 0 and rows[0]["zero"] > 0 and rows[0]["saturated"] is None


@pytest.mark.parametrize("layer", ["every activation", "1"])
def test_saturated_values_are_within_a_hundredth_of_a_limit(layer: str) -> None:
    x = torch.tensor([[10.0, -10.0, 0.0, 4.0]])
    row = pl.activation_statistics(layer=layer)(sigmoids(), x).rows[0]
    assert row["saturated"] == 0.5 and row["function"].lower() == "sigmoid"
    assert row["mean"] == pytest.approx(float(x.sigmoid().double().mean()))


def test_what_is_not_finite_is_counted_and_left_out_of_the_moments() -> None:
    class Divides(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.relu(x / torch.tensor([1.0, 1.0, 0.0]))

    x = torch.tensor([[1.0, 3.0, 5.0], [2.0, -1.0, 7.0]])
    row = pl.activation_statistics()(Divides().eval(), x).rows[0]
    assert row["not_finite"] == 2 and row["mean"] == pytest.approx(1.5) and row["max"] == 3.0


def test_pre_activations_lie_under_the_function() -> None:
    network = NETWORKS["smooth"]
    table = pl.activation_statistics(curves=1)(network.build(), network.x(2))
    (series,) = table.beside
    centres, density = np.array(series.positions), series.curves["density"]
    assert float(density.sum() * (centres[1] - centres[0])) == pytest.approx(1.0)
    drawn = series.curves["gelu"]
    exact = F.gelu(torch.tensor(centres)).numpy()
    np.testing.assert_allclose(drawn / density.max(), exact / np.abs(exact).max(), rtol=1e-6)
    assert float(np.average(centres, weights=density)) == pytest.approx(
        float(naive.activation(model := network.build(), model.conv1, network.x(2))[0].mean()), abs=0.02
    )
    assert len(pl.activation_statistics(curves=2)(network.build(), network.x(2)).beside) == 2
    assert not pl.activation_statistics(curves=0)(network.build(), network.x(2)).beside


def test_a_function_with_settings_of_its_own_is_not_drawn() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.LeakyReLU(0.3), nn.Linear(4, 2)).eval()
    (series,) = pl.activation_statistics()(model, torch.randn(8, 4)).beside
    assert list(series.curves) == ["density"]


def test_a_module_called_twice_has_two_rows() -> None:
    network = NETWORKS["called_twice"]
    rows = pl.activation_statistics()(network.build(), network.x(2)).rows
    assert [row["layer"] for row in rows] == ["act#0/relu.0", "act#1/relu.0"]


def test_it_says_what_is_there() -> None:
    network = NETWORKS["article_net"]
    table = pl.activation_statistics()(network.build(), network.x(2))
    assert "Rows: 4" in table.describe("en") and "4" in table.describe("zh")
    assert table.facts["channels"] == 6 + 16 + 120 + 84


def test_it_remarks_on_what_is_unusual() -> None:
    network = NETWORKS["frozen"]
    plain = pl.activation_statistics()(silenced(network.build(), "0", 1, 3), network.x(2))
    assert plain.notes[0].en == "2 of 12 channels are silent." and "12 个通道中有 2 个沉默" in plain.notes[0].zh
    x = torch.tensor([[10.0, -10.0, 9.0, 0.0]])
    assert pl.activation_statistics()(sigmoids(), x).notes[0].en == "More than half saturated: '1/sigmoid.0'."
    broken = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
    with torch.no_grad():
        broken[2].bias[0] = float("inf")
    notes = pl.activation_statistics()(broken, torch.randn(3, 4)).notes
    assert notes[0].en == "Not finite from '3/relu.0' on." and "非有限值" in notes[0].zh


def test_a_network_without_activations_is_refused() -> None:
    with pytest.raises(pl.NotApplicable, match="activation"):
        pl.activation_statistics()(NETWORKS["lstm"].build(), NETWORKS["lstm"].x(1))
