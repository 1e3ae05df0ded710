"""Which layers differ in their weights."""

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.lens.comparing.changed import changed
from pellucid.lens.comparing.held import layers_of
from pellucid.lens.comparing.matching import Matching, matching
from tests.lens.comparing.small import lens, net, renamed, tuned


def of(*others: nn.Module):
    layers = [layers_of(lens()), *(layers_of(lens(one)) for one in others)]
    founds = [matching(layers[0], each, {}, {}) for each in layers[1:]]
    return changed(founds, layers, ["first", *(f"other {i}" for i in range(len(others)))])


def test_the_changed_block_is_named():
    series, (table,) = of(tuned("middle"))
    assert table.facts["within"] == "middle" and table.facts["changed"] == ("middle.conv", "middle.norm")
    assert table.facts["most"].startswith("middle.") and "all within 'middle'" in str(series.notes[0])
    assert "位于“middle”内" in series.notes[0].zh and np.count_nonzero(series.curves["other 0"]) == 2


def test_statistics_count():
    other = net()
    other.last.norm.running_mean += 1
    series, (table,) = of(other)
    assert table.facts["changed"] == ("last.norm",) and "in 1 of 7 layers; most in 'last.norm'" in str(series.notes[0])
    row = next(row for row in table.rows if row["layer"] == "last.norm")
    assert row["size"] == 0 and row["statistics"] > 0


def test_no_difference_is_said():
    series, (table,) = of(renamed())
    assert "no difference" in str(series.notes[0]) and table.facts == {
        **table.facts,
        "changed": (),
        "within": "",
        "most": "",
    }


def test_a_number_is_that_of_the_definition():
    other = net()
    other.head.weight.data *= 1.5
    other.head.bias.data *= 1.5
    _, (table,) = of(other)
    assert table.rows[-1]["size"] == pytest.approx(0.5, abs=1e-6) and table.rows[-1]["cosine"] == pytest.approx(1)


def test_others_have_a_curve_each():
    series, tables = of(tuned("stem"), tuned("last"))
    assert list(series.curves) == ["other 0", "other 1"] and [one.facts["within"] for one in tables] == ["stem", "last"]


def test_shapes_that_differ_throughout_cannot_be_compared():
    layers = [layers_of(lens()), layers_of(pl.Lens(nn.Linear(2, 2)))]
    series, (table,) = changed([Matching((), ((), ()))], layers, ["first", "other"])
    assert series is None and "cannot be compared" in str(table.notes[0])
    assert torch.is_tensor(layers[1][0].weights["weight"])


def test_layers_without_a_partner_of_their_shape_are_told():
    series, _ = of(net(classes=3))
    assert "(1 more has no partner of the same shape)" in str(series.notes[0]) and "另有 1 层" in series.notes[0].zh


def test_weights_that_are_not_finite_are_told_and_not_called_the_same():
    other = net()
    other.middle.conv.weight.data[0, 0, 0, 0] = float("nan")
    series, (table,) = of(other)
    said = " ".join(str(note) for note in series.notes)
    assert "other 0 has weights that are not finite: 1 in 'middle.conv'." in said and table.facts["not finite"] == 1
    assert "weights of 6 layers (1 more cannot be compared: not finite)" in said and "same shape" not in said


def test_what_lies_in_the_model_itself_is_called_so():
    one, two = nn.Linear(2, 2), nn.Linear(2, 2)
    layers = [layers_of(pl.Lens(each)) for each in (one, two)]
    series, _ = changed([matching(layers[0], layers[1], {}, {})], layers, ["a", "b"])
    assert "in 1 of 1 layer; most in the model's own parameters" in str(series.notes[0])
