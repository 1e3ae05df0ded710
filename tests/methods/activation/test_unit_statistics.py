from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.core.errors import NotApplicable
from tests.networks.network import seeded

CLASSES = ("red", "green", "blue")


class Planted(nn.Module):
    """Channels: red, green, blue, dead, twice blue, noise, noise; then sigmoids, of which one is stuck."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 7, 1)
        self.head = nn.Linear(7, 4)
        with torch.no_grad():
            self.body.weight[:5] = 0
            self.body.bias[:5] = torch.tensor([0.0, 0.0, 0.0, -1.0, 0.0])
            for channel, colour, gain in ((0, 0, 1.0), (1, 1, 1.0), (2, 2, 1.0), (4, 2, 2.0)):
                self.body.weight[channel, colour] = gain
            self.head.bias[2] = 60.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.head(torch.relu(self.body(x)).mean((2, 3))))


@pytest.fixture(scope="module")
def colours() -> tuple[torch.Tensor, np.ndarray]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 3
    x = 0.3 * torch.randn(60, 3, 6, 6, generator=generator)
    x[torch.arange(60), labels] += 2.0
    return x, labels.numpy()


def looked(colours: Any, *, model: Any = None, **settings: Any) -> Any:
    data = pl.data(colours[0], labels=colours[1], classes=list(CLASSES), layout="NCHW")
    return pl.unit_statistics(**settings)(model or seeded(Planted)(), data)


def activations(x: torch.Tensor) -> list[torch.Tensor]:
    model = seeded(Planted)()
    with torch.no_grad():
        first = torch.relu(model.body(x))
        return [first.double(), torch.sigmoid(model.head(first.mean((2, 3)))).double()]


def test_layers_as_they_are_written(colours):
    table = looked(colours)
    assert [row["layer"] for row in table.rows] == ["/relu.0", "/sigmoid.0"]
    for row, value in zip(table.rows, activations(colours[0]), strict=True):
        assert row["mean"] == pytest.approx(value.mean().item(), rel=1e-6)
        assert row["std"] == pytest.approx(value.std(unbiased=False).item(), rel=1e-5)
        assert (row["min"], row["max"]) == (value.min().item(), value.max().item())
        assert row["zero"] == pytest.approx((value == 0).double().mean().item())
        assert row["channels"] == value.shape[1]
    first, second = table.rows
    assert (first["dead"], first["saturated"], first["duplicates"]) == (1, None, 1)
    assert (second["dead"], second["saturated"], second["constant"]) == (0, 1, 0)
    assert table.facts["samples in a class"] == (20, 20) and table.facts["dead"] == 1
    said = " ".join(note.en for note in table.notes)
    assert "1 of 11 channels are zero on all 60 samples" in said and "'/relu.0' 1" in said


def test_units_as_they_are_written(colours):
    layers, units = looked(colours, layer="/relu.0")
    value = activations(colours[0])[0]
    rows = {int(row["unit"]): row for row in units.rows}
    means = torch.stack([value.mean((2, 3))[colours[1] == one].mean(0) for one in range(3)])
    for channel, row in rows.items():
        mine = value[:, channel]
        assert row["mean"] == pytest.approx(mine.mean().item(), rel=1e-6, abs=1e-12)
        assert row["std"] == pytest.approx(mine.std(unbiased=False).item(), rel=1e-4, abs=1e-12)
        assert row["zero"] == pytest.approx((mine == 0).double().mean().item())
        largest, *rest = means[:, channel].sort(descending=True).values.tolist()
        if largest > 0:
            other = sum(rest) / 2
            assert row["selectivity"] == pytest.approx((largest - other) / (largest + other), rel=1e-6)
            assert row["prefers"] == CLASSES[int(means[:, channel].argmax())]
    assert [rows[channel]["prefers"] for channel in (0, 1, 2, 4)] == ["red", "green", "blue", "blue"]
    assert [channel for channel, row in rows.items() if row["dead"]] == [3] and rows[3]["selectivity"] is None
    assert [channel for channel, row in rows.items() if row["duplicate"]] == [4]
    assert rows[2]["twin"] == "4" and rows[4]["twin"] == "2" and rows[4]["correlation"] == pytest.approx(1)
    indices = [row["selectivity"] for row in units.rows if row["selectivity"] is not None]
    assert indices == sorted(indices, reverse=True)
    assert layers.rows[0]["selectivity"] == pytest.approx(np.mean(indices)) and units.layer == "/relu.0"
    assert "saturated" not in units.columns


def test_units_that_rise_together_but_elsewhere_are_no_duplicates():
    """Two channels with the same mean over positions, one of the left half and one of the right."""

    class Halves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Conv2d(1, 1, 1)
            nn.init.ones_(self.body.weight)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            left, right = self.body(x).split(4, -1)
            nothing = torch.zeros_like(left)
            return torch.relu(torch.cat([torch.cat([left, nothing], -1), torch.cat([nothing, right], -1)], 1))

    x = torch.rand(40, 1, 1, 1, generator=torch.Generator().manual_seed(0)).expand(40, 1, 8, 8)
    layers, _ = pl.unit_statistics(layer="/relu.0")(seeded(Halves)(), pl.data(x.contiguous(), layout="NCHW"))
    assert layers.rows[0]["duplicates"] == 0 and layers.rows[0]["channels"] == 2


def test_the_first_sample_that_is_not_finite_is_named(colours):
    class Breaks(Planted):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(torch.where(x[:, :1].amax((2, 3), keepdim=True) > 2.7, x / 0, x))

    broken = [i for i, row in enumerate(colours[0]) if row[0].max() > 2.7]
    table = looked(colours, model=seeded(Breaks)())
    assert table.rows[0]["broken"] == len(broken) > 0
    said = table.notes[0]
    assert f"on {len(broken)} of 60 samples, first on row {broken[0]}" in said.en and f"row {broken[0]}" in said.zh
    whole = [i for i in range(60) if i not in broken]
    assert table.rows[0]["max"] == pytest.approx(activations(colours[0][whole])[0].max().item())


def test_labels_that_are_known_when_read_count(colours):
    pairs = [(row, int(label)) for row, label in zip(*colours, strict=True)]
    pairs[5:7] = [(pairs[5][0], None), (pairs[6][0], 999)]
    _, units = pl.unit_statistics(layer="/relu.0")(seeded(Planted)(), pairs)
    rows = {int(row["unit"]): row for row in units.rows}
    assert [rows[channel]["prefers"] for channel in (0, 1, 2)] == ["0", "1", "2"]
    assert any("58 samples of known class; 2 have none" in note.en for note in units.notes)


def test_without_labels_there_are_no_preferences(colours):
    layers, units = pl.unit_statistics(layer="/relu.0")(seeded(Planted)(), colours[0])
    assert "selectivity" not in layers.columns and not {"selectivity", "prefers"} & set(units.columns)
    assert [row["unit"] for row in units.rows] == [str(i) for i in range(7)]


def test_values_below_zero_have_no_index(colours):
    _, units = looked(colours, layer="body")
    assert any("class mean below zero" in note.en for note in units.notes)
    assert {row["unit"]: row for row in units.rows}["3"]["selectivity"] is None


def test_a_layer_without_channels_is_refused():
    with pytest.raises(NotApplicable, match="not channels at positions"):
        pl.unit_statistics(layer="output")(nn.Flatten(0), torch.rand(12, 4))
