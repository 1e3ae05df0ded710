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
