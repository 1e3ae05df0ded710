"""What is said of codes: likeness, use and distance."""

import numpy as np
import pytest
import torch

from pellucid.core.sites import Place
from pellucid.engine.sweeps.request import Gathered, Swept
from pellucid.methods.feature._codes import Codes
from pellucid.methods.feature._codes_drawn import gallery, nearest_table, similarity, table
from pellucid.methods.feature._regions import Region
from pellucid.methods.feature._regions_drawn import Tiles
from tests.engine.sweeps.feeding import Fed

ONE = Gathered(Place("x"), "x", {}, (1, 2, 4))
FED = Fed(torch.zeros(3, 2))
SWEPT = Swept({}, FED, 3)


def codes(**given: object) -> Codes:
    """Three codes of two directions; the last has no member."""
    centres = torch.tensor([[2.0, 0.0], [-1.0, 0.0], [0.0, 5.0]], dtype=torch.float64)
    points = torch.tensor([[2.0, 1.0], [2.0, -1.0], [2.0, 0.0], [-1.0, 0.0]], dtype=torch.float64)
    assignment, ordinals = torch.tensor([0, 0, 0, 1]), torch.tensor([0, 0, 2, 2])
    values = {"broken": 0} | given
    mean, directions = torch.tensor([10.0, 20.0], dtype=torch.float64), torch.eye(2, dtype=torch.float64)
    return Codes(mean, directions, centres, points, assignment, ordinals, ordinals, 0.8, 0.25, 4, False, **values)  # type: ignore[arg-type]


def test_likeness_is_the_cosine_of_what_differs_from_the_mean() -> None:
    made = similarity(ONE, codes())
    assert np.allclose(made.values, [[1, -1, 0], [-1, 1, 0], [0, 0, 1]]) and made.signed
    assert made.rows == made.columns == ("0", "1", "2")


def test_use_samples_and_distance_of_each_code() -> None:
    rows = table(SWEPT, ONE, codes()).rows
    assert [row["used"] for row in rows] == [0.75, 0.25, 0.0]
    assert [row["samples"] for row in rows] == [2, 1, 0]
    assert rows[0]["near"] == pytest.approx(2 / 3) and rows[1]["near"] == 0 and rows[2]["near"] is None


def test_values_are_the_codes_in_the_space_of_the_layer() -> None:
    drawn = Tiles((np.zeros((2, 2, 3), np.float32),), (), (), {})
    made = gallery(SWEPT, ONE, codes(), [], drawn)
    assert made.values.tolist() == [[12, 20], [9, 20], [10, 25]]
    assert made.facts["variance kept by the codes"] == pytest.approx(0.8 * 0.75)
    assert "keep 60% of the variance of 4 vectors" in made.notes[0].en
    assert "2 vectors hold NaN" in gallery(SWEPT, ONE, codes(broken=2), [], drawn).notes[1].en


def test_the_nearest_samples_are_told_with_their_distance() -> None:
    made = nearest_table(FED, SWEPT, ONE, [Region(1, 2, 0.5, (3,), box=((4, 9),), why="part")])
    (row,) = made.rows
    assert (row["channel"], row["sample"], row["value"], row["region"]) == ("1", "row 2", 0.5, "4…9")
    assert made.columns["channel"].en == "code" and made.columns["value"].en == "distance to the code"
