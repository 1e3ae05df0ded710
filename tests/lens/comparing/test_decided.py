"""Where decisions part."""

from dataclasses import replace

import numpy as np
import pytest

import pellucid as pl
from pellucid.core.text import Text
from pellucid.inputs.data.open import open_data
from pellucid.lens.comparing.decided import Answered, agreement, answered, incomparable, same, share
from pellucid.lens.comparing.observed import observed
from tests.lens.comparing.small import CLASSES, data, lens, net

UNKNOWN = np.full(4, -1)


def model(name: str, answers: list[int], labels: tuple[str, ...] = CLASSES, truth: list[int] | None = None) -> Answered:
    given = np.array(answers)
    sure = np.linspace(0.5, 0.9, len(given))
    known = np.array(truth) if truth else np.full(len(given), -1)
    one = np.ones(len(given), np.int64)
    return Answered(name, labels, len(labels) or 4, one, given[:, None], sure[:, None], sure[:, None] * 2, known)


def test_answers_are_compared_by_name_where_the_numbering_differs():
    one, two = model("a", [0, 1, 2, 3]), model("b", [3, 2, 1, 1], CLASSES[::-1])
    assert same(one, two)[:, 0].tolist() == [True, True, True, False] and incomparable(one, two) is None
    assert "no names" in str(incomparable(model("a", [0], ()), model("b", [0], CLASSES[:3])))
    assert "no class in common" in str(incomparable(one, model("b", [3, 2, 1, 1], tuple("wxyz"))))


def test_agreement_is_the_share_of_equal_answers_and_says_who_is_right():
    one, two = model("a", [0, 1, 2, 3], truth=[0, 1, 2, 2]), model("b", [0, 1, 3, 2], truth=[0, 1, 2, 2])
    shown = agreement([one, two])
    assert shown.values.tolist() == [[1, 0.5], [0.5, 1]]
    assert "a is right 1 time, b 1 time, neither 0 times" in str(shown.notes[0])
    assert one.accuracy == 0.75 and np.isnan(model("c", [0]).accuracy)
    assert "answers all 4 samples" in str(agreement([one, one]).notes[0])
    other = agreement([model("a", [0], ()), model("b", [0], CLASSES[:3])])
    assert np.isnan(other.values[0, 1]) and "other classes" in str(other.notes[0])


def test_at_many_places_every_place_counts():
    places = np.array([2, 3])
    values = [np.array([[0, 1, -1], [2, 3, 0]]), np.array([[0, 2, -1], [2, 3, 1]])]
    one, two = (
        Answered(name, CLASSES, 4, places, given, np.ones((2, 3)), np.ones((2, 3)), np.full(2, -1), Text("tokens"))
        for name, given in zip("ab", values, strict=True)
    )
    assert share(one, two) == pytest.approx(3 / 5)
    assert "on 60% of 5 tokens of 2 samples and part on 2." in str(agreement([one, two]).notes[0])
    assert "other sizes" in str(incomparable(one, replace(two, positions=np.array([3, 3]))))


def test_only_samples_that_all_answered_count():
    how = {"samples": 16, "batch_size": None, "seed": 0, "progress": None}
    models = [observed(lens(), "a", data(), **how), observed(lens(net(5)), "b", data(), **how)]
    first = models[0].answers
    first.update({name: first[name][4:] for name, one in first.items() if np.shape(one)[:1] == (24,)})
    found, ordinals = answered(models)
    assert ordinals.tolist() == list(range(4, 24)) and [len(one.answers) for one in found] == [20, 20]
    assert found[0].truth.tolist() == [i % 4 for i in range(4, 24)]


def test_labels_that_are_numbers_are_those_of_the_first_with_names_and_mapped_by_name():
    turned = net()
    turned.head.weight.data, turned.head.bias.data = turned.head.weight.data.flip(0), turned.head.bias.data.flip(0)
    lenses = [lens(name="a"), pl.Lens(turned, name="b", labels=CLASSES[::-1])]
    found = pl.compare(*lenses, data=data(), findings=False)
    one, two = found["summary"].rows
    assert one["accuracy"] == two["accuracy"] and one["agrees"] == two["agrees"] == 1
    assert "taken as the classes of a, and for b by their names" in found.describe()
    assert "taken as" not in pl.compare(lens(), lens(net(5), "b"), data=data(), findings=False).describe()


def test_labels_with_names_are_those_of_the_same_names():
    how = {"samples": 16, "batch_size": None, "seed": 0, "progress": None}
    source = open_data(data(), classes=CLASSES[::-1])
    (found,), _ = answered([observed(lens(), "a", source, **how)])
    assert found.truth.tolist() == [3 - i % 4 for i in range(24)] and found.numbered == ""


def test_counts_of_who_is_right_are_never_negative():
    one = model("a", [0, 1, 2, 3], (), truth=[0, 1, 2, 3])
    two = model("b", [3, 2, 1, 0], truth=[3, 2, 1, 0])
    assert "a is right 4 times, b 4 times, neither 0 times" in str(agreement([one, two]).notes[0])
