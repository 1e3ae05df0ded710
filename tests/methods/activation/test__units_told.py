import numpy as np
import pytest

from pellucid.methods.activation._alike import Alike
from pellucid.methods.activation._selective import Selective
from pellucid.methods.activation._units import Units
from pellucid.methods.activation._units_told import findings, layer_row, unit_rows, without_empty
from tests.engine.sweeps.feeding import Fed

FLAGS = np.array([True, False, False, False])


def units(**changes) -> Units:
    given = {
        "address": "relu",
        "function": "relu",
        **dict.fromkeys(("mean", "std", "low", "high", "zeros"), np.array([0.0, 1, 2, np.nan])),
        **dict.fromkeys(("mean_of_all", "std_of_all", "zeros_of_all"), 0.5),
        "dead": FLAGS,
        "constant": ~FLAGS & False,
        "saturated": None,
        "alike": None,
        "selective": None,
        "broken": 0,
        "first": None,
    }
    return Units(**{**given, **changes})


SELECTIVE = Selective(np.array([np.nan, 0.25, 0.5, np.nan]), np.array([-1, 0, 1, -1]), 1, np.array([4, 5]))
ALIKE = Alike(np.array([-1, 2, 1, -1]), np.array([np.nan, 1, 1, np.nan]), np.array([False, False, True, False]))


def said(*layers, lang="en") -> str:
    return " ".join(note.say(lang) for note in findings(Fed(np.zeros(9)), layers, 9, 0.99))


def test_a_layer_without_something_has_none_of_it():
    row = layer_row(units())
    assert (row["dead"], row["saturated"], row["duplicates"], row["selectivity"]) == (1, None, None, None)
    assert (row["min"], row["max"]) == (0, 2)
    assert layer_row(units(selective=SELECTIVE, alike=ALIKE)) | {"selectivity": 0.375, "duplicates": 1} == layer_row(
        units(selective=SELECTIVE, alike=ALIKE)
    )
    assert layer_row(units(low=np.full(4, np.nan), high=np.full(4, np.nan)))["max"] is None


def test_units_come_by_their_preference():
    rows = unit_rows(units(selective=SELECTIVE, alike=ALIKE), ("cat", "dog"))
    assert [row["unit"] for row in rows] == ["2", "1", "0", "3"]
    assert [row["prefers"] for row in rows] == ["dog", "cat", None, None]
    assert [row["twin"] for row in rows] == ["1", "2", None, None]
    assert [row["dead"] for row in rows] == [False, False, True, False] and rows[0]["saturated"] is None
    assert list(without_empty({"dead": "a", "saturated": "b"}, rows)) == ["dead"]


def test_what_stands_out_is_said_of_one_layer_with_its_channels():
    assert said(units()) == "1 of 4 channels are zero on all 9 samples (dead): 0."
    assert said(units(), lang="zh") == "4 个通道中有 1 个在全部 9 个样本上为零（失活）：0。"
    many = said(units(dead=np.ones(30, bool), mean=np.zeros(30)))
    assert many.endswith(": 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11….")


def test_what_stands_out_is_said_of_several_layers_with_the_worst_of_them():
    other = units(address="second", dead=~FLAGS)
    assert said(units(), other) == "4 of 8 channels are zero on all 9 samples (dead) ('second' 3, 'relu' 1)."


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"broken": 2, "first": 7}, "Not finite from 'relu' on, on 2 of 9 samples, first on row 7."),
        ({"saturated": FLAGS}, "1 of 4 channels are never away from one limit (saturated): 0."),
        ({"alike": ALIKE}, "1 of 4 channels are like an earlier one (correlation 0.99 or more): 2."),
        ({"selective": SELECTIVE}, "Most selective: channel 2 of 'relu' for 1 (0.5)."),
        ({"selective": SELECTIVE}, "1 channels have a class mean below zero"),
    ],
)
def test_each_finding(changes, words):
    assert words in said(units(dead=~FLAGS & False, **changes))
