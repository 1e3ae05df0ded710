"""Tables of answers."""

import numpy as np
import pytest

from pellucid.core.text import Text
from pellucid.lens.comparing.decided import Answered
from pellucid.lens.comparing.parted import of_input, parting
from tests.lens.comparing.small import CLASSES
from tests.lens.comparing.test_decided import model


class Named:
    def name(self, ordinal: int) -> str:
        return f"sample {ordinal}"


def placed(name: str, answers: list[list[int]]) -> Answered:
    given = np.array(answers)
    ones = np.ones(given.shape)
    return Answered(
        name, CLASSES, 4, (given >= 0).sum(1), given, ones, ones, np.full(len(given), -1), Text("tokens", "词元")
    )


def test_the_surest_parting_stands_first():
    one, two = model("a", [0, 1, 2, 3], truth=[0, 1, 2, 2]), model("b", [1, 1, 2, 2], truth=[0, 1, 2, 2])
    table = parting([one, two], np.array([5, 6, 7, 8]), Named())
    assert [row["sample"] for row in table.rows] == ["sample 8", "sample 5"]
    assert [row["right"] for row in table.rows] == ["b", "a"] and table.rows[0]["label"] == "cow"
    assert parting([one, one], np.arange(4), Named()) is None
    unknown = parting([model("a", [0]), model("b", [1])], np.arange(1), Named())
    assert list(unknown.columns) == ["sample", "answer 0", "confidence 0", "answer 1", "confidence 1"]


def test_of_many_places_those_samples_stand_first_that_part_most():
    one, two = placed("a", [[0, 1, 2], [0, 1, -1], [3, 3, 3]]), placed("b", [[0, 1, 3], [1, 0, -1], [3, 3, 3]])
    table = parting([one, two], np.arange(3), Named())
    assert [(row["sample"], row["places"], row["apart 0"]) for row in table.rows] == [
        ("sample 1", 2, 2),
        ("sample 0", 3, 1),
    ]
    rows = of_input([one, two]).rows
    assert [row["apart"] for row in rows] == pytest.approx([0, 1 / 3, 0, 1, 0, 0]) and "answer" not in rows[0]


def test_of_an_input_answer_and_margin_are_told():
    one, two = model("a", [1, 0]), model("b", [0, 0])
    table = of_input([one, two])
    assert [row["answer"] for row in table.rows] == ["bee", "ant", "ant", "ant"]
    assert [row["example"] for row in table.rows] == ["1", "1", "2", "2"] and table.rows[0]["margin"] == 1
    assert "part on 1 of 2" in str(table.notes[0])
    assert "answer x (2 examples) alike" in str(of_input([two, two]).notes[0]) and of_input([]) is None
    alone = of_input([model("a", [1]), model("b", [0])])
    assert "Their answers to x part" in str(alone.notes[0]) and "example" not in alone.columns
    assert of_input([model("a", [0], ()), model("b", [0], CLASSES[:3])]).notes == ()
