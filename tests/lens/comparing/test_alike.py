"""Pairs, matrix and course of the likeness, in words."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import pellucid as pl
from pellucid.lens.comparing.alike import depth, matrix, pairs
from pellucid.lens.comparing.held import layers_of
from pellucid.lens.comparing.matching import Matching, matching
from pellucid.lens.comparing.observed import observed, together
from tests.lens.comparing.small import data, lens, net, renamed, tuned

HOW: dict[str, Any] = {"samples": 512, "batch_size": None, "seed": 0, "progress": None}


def of(two: Any) -> tuple[Matching, Any, Any]:
    a, b = observed(lens(), "a", data(), **HOW), observed(lens(two), "b", data(), **HOW)
    return matching(a.layers, b.layers, *together(a, b)), a.layers, b.layers


def test_every_layer_has_a_row():
    found, ones, twos = of(renamed())
    table = pairs(found, ones, twos, ("a", "b"))
    assert [row["one"] for row in table.rows] == [one.path for one in ones]
    assert [row["two"] for row in table.rows] == [two.path for two in twos]
    assert all(row["shape"] and row["how"].en == "likeness" for row in table.rows)
    assert "7 pairs among 7 and 7 layers, 0 of them by name" in str(table.notes[0]) and "24 samples" in str(
        table.notes[1]
    )


def test_layers_without_a_partner_stand_at_the_end():
    ones, twos = layers_of(lens()), layers_of(lens(renamed()))
    table = pairs(Matching((), ((0, 1, 2, 3, 4, 5, 6), (0, 1, 2, 3, 4, 5, 6))), ones, twos, ("a", "b"))
    assert len(table.rows) == 14 and table.rows[0]["two"] is None and table.rows[-1]["one"] is None
    assert "from four samples on" in str(table.notes[1])


def test_the_matrix_names_the_nearest_layer():
    found, _, _ = of(tuned())
    shown = matrix(found, ("a", "b"))
    assert shown is not None and shown.limits == (0.0, 1.0) and shown.values.shape == (4, 4)
    assert shown.facts["nearest"]["stem.conv"] == "stem.conv" and shown.values[0, 0] == pytest.approx(1)
    assert matrix(Matching((), ((), ())), ("a", "b")) is None


def test_the_course_says_from_where_on_they_part():
    same, ones, twos = of(renamed())
    other, _, _ = of(tuned())
    shown = depth([same, other], [ones, twos, ones], ["a", "copy", "tuned"])
    assert shown is not None and list(shown.curves) == ["copy", "tuned"] and shown.labels[1] == "middle.conv"
    assert np.allclose(shown.curves["copy"], 1) and shown.curves["tuned"][1] < 1 - 1e-4
    assert "every layer sees the samples" in str(shown.notes[0])
    assert "alike up to 'stem.conv'; from 'middle.conv' on they part" in str(shown.notes[1])
    assert "从“middle.conv”起分歧" in shown.notes[1].zh


def test_other_from_the_first_layer_on():
    found, ones, twos = of(net(9))
    shown = depth([found], [ones, twos], ["a", "b"])
    assert shown is not None and "from the first layer on" in str(shown.notes[0])
    assert depth([Matching((), ((), ()))], [ones, twos], ["a", "b"]) is None


def test_layers_that_are_not_finite_are_told_and_not_called_alike():
    two = net()
    two.middle.conv.weight.data[0, 0, 0, 0] = float("nan")
    shown = pl.compare(lens(), lens(two, "b"), data=data(), findings=False)["depth"]
    first, second = (str(note) for note in shown.notes[:2])
    assert first == "b: the values of 3 layers are not finite, first those of 'middle.conv', for 24 of 24 samples."
    assert second.startswith("b: 1 of 4 layers can be compared with first")


def test_estimates_below_zero_come_with_a_caution():
    found, ones, twos = of(net(9))
    below = replace(found, pairs=tuple(replace(pair, alignment=-0.1) for pair in found.pairs))
    notes = " ".join(str(note) for note in depth([below], [ones, twos], ["a", "b"]).notes)
    assert "few samples (24 here)" in notes
