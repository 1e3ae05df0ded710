"""What is told of shares whose numbers are given by a model."""

import numpy as np
import pytest

import pellucid as pl
from pellucid.registry import find
from tests.methods.decision.streams import Speaker, speaker, tokens
from tests.networks import seeded

attribution = find("logit_attribution")


def test_the_largest_cells_are_told_in_both_languages() -> None:
    shown = attribution(by="head")(speaker(), tokens(), target=4)
    row, head = np.unravel_index(np.abs(shown.values[:, :2]).argmax(), (3, 2))
    value = f"{shown.values[row, head]:+.3g}"
    assert f"the largest: {shown.rows[row]} head {head} {value}" in shown.notes[0].en
    assert f"最大的是：{shown.rows[row]} 的头 {head} {value}" in shown.notes[0].zh
    assert f"{shown.facts['rest']:+.4g} by all that is no attention" in shown.notes[0].en and shown.notes[0].aside
    assert shown.facts["attentions"] == pytest.approx(dict(zip(shown.rows, shown.values.sum(1), strict=True)))


def test_without_biases_there_is_no_column_of_them() -> None:
    def made() -> Speaker:
        model = Speaker()
        for block in model.blocks:
            block.attention.out.bias = None
        return model

    shown = attribution(by="head")(seeded(made)().double(), tokens(), target=4)
    assert shown.columns == ("0", "1") and shown.values.shape == (3, 2)


def test_the_bars_are_told_with_their_sum() -> None:
    shown = attribution()(speaker(), tokens(), target=4)
    assert f"The bars sum to {shown.facts['score']:.4g}" in shown.notes[0].en and shown.notes[0].aside
    first = shown.labels[np.abs(shown.curves["contribution"]).argmax()]
    assert f"the largest: {first} " in shown.notes[0].en and f"最大的是：{first} " in shown.notes[0].zh
    assert isinstance(shown, pl.Result) and len(set(shown.labels)) == len(shown.labels)
