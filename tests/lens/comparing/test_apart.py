"""By how much outputs differ."""

import numpy as np
import pytest

from pellucid.lens.comparing.apart import outputs
from pellucid.lens.comparing.observed import OUTPUTS, Observed
from tests.lens.comparing.small import lens


def model(name: str, values: list[list[float]], ordinals: list[int]) -> Observed:
    return Observed(lens(), name, [], {OUTPUTS: (np.array(ordinals), np.array(values))})


def test_only_samples_of_both_count():
    one = model("a", [[3, 4], [1, 0], [9, 9]], [0, 1, 2])
    two = model("b", [[5, 5], [3, 4], [0, 1]], [7, 0, 1])
    row = outputs([one, two]).rows[0]
    assert row["samples"] == 2 and row["size"] == pytest.approx(np.sqrt(2) / np.sqrt(26)) and row["cosine"] == 0.5


def test_what_has_other_numbers_or_none_is_told():
    one, two = model("a", [[1, 2]], [0]), model("b", [[1, 2, 3]], [0])
    table = outputs([one, two])
    assert "(3 numbers) are not compared with those of a (2)" in str(table.notes[0])
    assert outputs([one, Observed(lens(), "c", [])]) is None and outputs([Observed(lens(), "c", []), one]) is None


def test_rounding_is_no_difference():
    one, two = model("a", [[1, 2]], [0]), model("b", [[1, 2 + 1e-6]], [0])
    assert "no difference from a" in str(outputs([one, two]).notes[0])
    zero = outputs([model("a", [[0, 0]], [0]), one])
    assert zero.rows[0]["size"] == np.inf and "cosine" not in zero.columns


def test_outputs_that_are_not_finite_are_told():
    two = Observed(lens(), "b", [], {OUTPUTS: (np.array([], int), np.zeros((0, 2)))}, lost={OUTPUTS: 3})
    notes = outputs([model("a", [[1, 2]] * 3, [0, 1, 2]), two]).notes
    assert [str(note) for note in notes] == ["b: its outputs are not finite for 3 of 3 samples."]
