"""A row for each model."""

from dataclasses import replace

import numpy as np
import pytest

from pellucid.core.text import Text
from pellucid.lens.comparing.decided import Answered
from pellucid.lens.comparing.findings import counted
from pellucid.lens.comparing.held import layers_of
from pellucid.lens.comparing.observed import Observed
from pellucid.lens.comparing.summary import summary
from tests.lens.comparing.small import CLASSES, lens, net, rows

MODELS = [Observed(lens(), name, layers_of(lens())) for name in ("a", "b")]


def answers(name: str, right: int, count: int = 40) -> Answered:
    given = np.where(np.arange(count) < right, 1, 0)
    sure = np.full(count, 0.7)
    one = np.ones(count, np.int64)
    return Answered(name, CLASSES, 4, one, given[:, None], sure[:, None], sure[:, None], one)


def test_columns_without_numbers_are_left_out():
    table = summary(MODELS, [], {}, {})
    assert list(table.columns) == ["model", "parameters"]
    assert table.rows[0]["parameters"] == sum(one.numel() for one in net().parameters())


def test_the_better_one_is_named_with_the_sign_test():
    table = summary(MODELS, [answers("a", 20), answers("b", 38)], {"a": {"flops": 10.0, "seconds": 0.5}}, {})
    assert [row["accuracy"] for row in table.rows] == [0.5, 0.95] and table.rows[1]["agrees"] == pytest.approx(22 / 40)
    words = str(table.notes[0])
    assert words.startswith("b is right most often, 95%") and "18 and the latter 0 times: more than chance" in words
    assert table.rows[0]["flops"] == 10 and table.rows[1]["flops"] is None


def test_chance_is_called_chance():
    assert "no more than chance" in str(summary(MODELS, [answers("a", 20), answers("b", 22)], {}, {}).notes[0])
    assert "equally often" in str(summary(MODELS, [answers("a", 20), answers("b", 20)], {}, {}).notes[0])


def test_ties_are_named_together():
    models = [*MODELS, Observed(lens(), "c", layers_of(lens()))]
    table = summary(models, [answers("a", 9), answers("b", 20), answers("c", 20)], {}, {})
    assert str(table.notes[0]) == "b and c are right most often, 50%."


def test_findings_are_counted_and_the_high_ones_are_named():
    found = lens().diagnose(rows())
    table = summary(MODELS, [], {}, {"a": found, "b": None})
    assert [row["findings"] for row in table.rows] == [counted(found), None] and set(table.facts["findings"]) == {"a"}


def test_why_there_are_no_answers_is_told_once():
    why = Text("the output is one number", "输出只有一个数")
    table = summary([Observed(lens(), name, [], why=why) for name in ("a", "b")], [], {}, {})
    assert [str(note) for note in table.notes] == ["a, b: no answers to compare, as the output is one number."]


def test_perplexities_of_other_tokens_are_not_put_side_by_side_in_silence():
    one, two = (replace(answers(name, 20), perplexity=9.0) for name in "ab")
    assert "困惑度" not in " ".join(note.zh for note in summary(MODELS, [one, two], {}, {}).notes)
    other = replace(two, labels=(), classes=9)
    assert any("other tokens" in str(note) for note in summary(MODELS, [one, other], {}, {}).notes)
