"""`lens.diagnose`: labels, data and runs as they are given."""

import pytest
import torch
from torch import nn

import pellucid as pl
from tests.diagnose.planted import batch, host


def test_examples_and_labels_are_taken_of_data():
    x, labels = batch(40)
    data = [(one, int(label)) for one, label in zip(x, labels, strict=True)]
    found = pl.Lens(host("plain")).diagnose(data=data)
    made = set(found.passed) | {one.check for one in found}
    assert {"overconfident", "dead_units", "border_attribution"} <= made


def test_labels_may_be_names():
    lens = pl.Lens(nn.Linear(4, 2), labels=["cat", "dog"])
    assert lens.diagnose(torch.randn(2, 4), labels=["cat", "dog"]).cost.forwards == 1
    with pytest.raises(pl.BadTarget, match="cow"):
        lens.diagnose(torch.randn(2, 4), labels=["cat", "cow"])


@pytest.mark.parametrize(
    "given", [{"labels": [1]}, {"x": torch.ones(2, 4), "labels": [1]}, {"run": 3}], ids=["alone", "few", "run"]
)
def test_what_cannot_be_is_refused(given):
    with pytest.raises(pl.BadRequest):
        pl.Lens(nn.Linear(4, 2)).diagnose(**given)


def test_without_anything_the_weights_are_looked_at():
    found = pl.Lens(nn.Linear(4, 2)).diagnose()
    assert found.cost.forwards == 0 and "duplicate_filters" in found.passed


@pytest.mark.parametrize(("samples", "size", "rows"), [(64, 40, 2 * 40 + 9 * 32), (10, 10, 2 * 10)])
def test_as_many_samples_are_taken_as_are_asked_for(samples, size, rows):
    """The examples and the noise made of them; and at most 32 with each of nine parts of the picture exchanged."""
    x, labels = batch(40)
    data = [(one, int(label)) for one, label in zip(x, labels, strict=True)]
    found = pl.Lens(host("plain")).diagnose(data=data, samples=samples)
    assert found.notes[0].en.startswith(f"{size} of 40 samples")
    assert found.cost.samples == rows


def test_no_samples_are_refused():
    with pytest.raises(pl.BadSetting, match="samples="):
        pl.Lens(host("plain")).diagnose(data=[(batch(1)[0][0], 1)], samples=0)


class Narrow(nn.Module):
    """Has memory for so many examples."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.layers = most, nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) > self.most:
            raise torch.OutOfMemoryError("no memory")
        return self.layers(x)


def test_where_memory_runs_out_fewer_examples_are_looked_at():
    found = pl.Lens(Narrow(5)).diagnose(torch.randn(16, 4), labels=[0] * 16)
    assert "first 4 examples" in found.describe("en") and "前 4 个样本" in found.describe("zh")
    assert found.passed and found.cost.samples == 4
    with pytest.raises(pl.NotApplicable, match="single example"):
        pl.Lens(Narrow(0)).diagnose(torch.randn(16, 4))


def test_the_line_that_makes_it_again_names_what_was_given():
    lens = pl.Lens(nn.Linear(4, 2))
    with torch.no_grad():
        lens.model.weight.fill_(float("nan"))
    assert lens.diagnose().code == "pl.Lens(model).diagnose()"
    assert lens.diagnose(torch.ones(2, 4), labels=[0, 1]).code == "pl.Lens(model).diagnose(x, labels=labels)"
