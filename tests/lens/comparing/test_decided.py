"""Where decisions part."""

import numpy as np
import pytest

from pellucid.lens.comparing.decided import Answered, agreement, answered, comparable, of_input, parting, same
from pellucid.lens.comparing.observed import observed
from tests.lens.comparing.small import CLASSES, data, lens, net

UNKNOWN = np.full(4, -1)


def model(name: str, answers: list[int], labels: tuple[str, ...] = CLASSES, truth: list[int] | None = None) -> Answered:
    given = np.array(answers)
    sure = np.linspace(0.5, 0.9, len(given))
    known = np.array(truth) if truth else np.full(len(given), -1)
    return Answered(name, labels, len(labels) or 4, given, sure, sure * 2, known)


class Named:
    def name(self, ordinal: int) -> str:
        return f"sample {ordinal}"


def test_answers_are_compared_by_name_where_the_numbering_differs():
    one, two = model("a", [0, 1, 2, 3]), model("b", [3, 2, 1, 1], CLASSES[::-1])
    assert same(one, two).tolist() == [True, True, True, False] and comparable(one, two)
    assert not comparable(model("a", [0], ()), model("b", [0], CLASSES[:3]))


def test_agreement_is_the_share_of_equal_answers_and_says_who_is_right():
    one, two = model("a", [0, 1, 2, 3], truth=[0, 1, 2, 2]), model("b", [0, 1, 3, 2], truth=[0, 1, 2, 2])
    shown = agreement([one, two])
    assert shown.values.tolist() == [[1, 0.5], [0.5, 1]]
    assert "a is right 1 times, b 1 times, neither 0 times" in str(shown.notes[0])
    assert one.accuracy == 0.75 and np.isnan(model("c", [0]).accuracy)
    assert "answers all 4 samples" in str(agreement([one, one]).notes[0])
    other = agreement([model("a", [0], ()), model("b", [0], CLASSES[:3])])
    assert np.isnan(other.values[0, 1]) and "other classes" in str(other.notes[0])


def test_the_surest_parting_stands_first():
    one, two = model("a", [0, 1, 2, 3], truth=[0, 1, 2, 2]), model("b", [1, 1, 2, 2], truth=[0, 1, 2, 2])
    table = parting([one, two], np.array([5, 6, 7, 8]), Named())
    assert [row["sample"] for row in table.rows] == ["sample 8", "sample 5"]
    assert [row["right"] for row in table.rows] == ["b", "a"] and table.rows[0]["label"] == "cow"
    assert parting([one, one], np.arange(4), Named()) is None


def test_only_samples_that_all_answered_count():
    how = {"samples": 16, "batch_size": None, "seed": 0, "progress": None}
    models = [observed(lens(), "a", data(), **how), observed(lens(net(5)), "b", data(), **how)]
    first = models[0].answers
    first.update({name: first[name][4:] for name in ("ordinals", "labels", "answers", "confidences", "margins")})
    found, ordinals = answered(models)
    assert ordinals.tolist() == list(range(4, 24)) and [len(one.answers) for one in found] == [20, 20]
    assert found[0].truth.tolist() == [i % 4 for i in range(4, 24)]


def test_of_an_input_probability_and_margin_are_told():
    scores = np.array([[0.0, 2.0, 1.0, -1.0], [3.0, 0.0, 0.0, 0.0]])
    table = of_input([("a", CLASSES, scores), ("b", CLASSES, scores[::-1]), ("maps", (), None)])
    assert [row["answer"] for row in table.rows] == ["bee", "ant", "ant", "bee"]
    assert table.rows[0]["margin"] == 1 and table.rows[0]["second"] == "cow"
    assert table.rows[0]["probability"] == pytest.approx(np.exp(2) / np.exp(scores[0]).sum())
    assert "part on 2 of 2" in str(table.notes[0])
    assert "same answer" in str(of_input([("a", CLASSES, scores[:1]), ("b", CLASSES, scores[:1])]).notes[0])
    assert "Their answers part" in str(of_input([("a", (), scores[:1]), ("b", (), scores[1:])]).notes[0])
    assert of_input([("maps", (), None)]) is None
