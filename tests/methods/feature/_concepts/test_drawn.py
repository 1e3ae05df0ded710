"""What is said of concepts, and their tables."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from pellucid.core.provenance import TargetInfo
from pellucid.core.sites import Place
from pellucid.core.text import Text
from pellucid.engine.passes import Spot
from pellucid.engine.roles import Layout
from pellucid.methods.feature._concepts.bank import Bank
from pellucid.methods.feature._concepts.chosen import Chosen
from pellucid.methods.feature._concepts.drawn import bars, facts_of, gallery, said_of, table
from pellucid.methods.feature._concepts.judged import Judged, judged
from pellucid.methods.feature._concepts.pieces import Pieces
from pellucid.methods.feature._concepts.shown import Tile
from pellucid.methods.feature._concepts.weighed import Weighed
from pellucid.ops.sobol import Indices

INFO = TargetInfo("hen", (3,), 2.0)
SPOT = Spot(Place("layer"), "layer", torch.zeros(1, 2, 3, 3), layout=Layout("channels_first", (3, 3)))
CHOSEN = Chosen(3, tuple(range(9)), 12, 40, asked=False)
BOX = ((0, 10), (0, 12))


def found(total: tuple[float, ...] = (0.9, 0.1), error: float = 0.01, **given: Any) -> Judged:
    indices = Indices(torch.tensor(total), torch.tensor(total), torch.tensor([error, error]), error, 1.0)
    one = Weighed(torch.tensor([[3.0, 0.0], [1.0, 0.0]]), 2.0, 1.8, True, torch.tensor([1.0, 0.1]), indices, 0.9, 20)
    bank = Bank(torch.eye(2), torch.rand(4, 2), 0.9, signed=False, converged=True)
    pieces = Pieces(torch.zeros(4, 2), torch.zeros(4), torch.arange(4), (BOX,))
    return replace(judged(bank, pieces, [one], "layer"), **given)


def said(one: Judged, chosen: Chosen = CHOSEN, spot: Spot = SPOT) -> list[Any]:
    return list(said_of(one, chosen, INFO, spot))


def all_of(notes: list[Any], lang: str = "en") -> str:
    return " ".join(note.say(lang) for note in notes)


def test_what_is_always_told() -> None:
    notes = said(found())
    words = all_of(notes)
    for part in (
        "predicts hen in 12 of 40 samples, the class that it predicts most, of which 9 are used.",
        "4 crops of 10 × 12",
        "rebuild 90%",
        "the logit is 1.8 on average instead of 2",
        "stays in 1 of 1 samples",
        "sum to 1",
    ):
        assert part in words, part
    assert all(note.aside for note in notes), "nothing here is a caution"
    assert "hen" in all_of(notes, "zh") and "概念" in all_of(notes, "zh")


@pytest.mark.parametrize(
    ("one", "chosen", "part"),
    [
        (found(), replace(CHOSEN, ordinals=(1, 2)), "not the class"),
        (found(each=(replace(found().each[0], rebuilt=0.2),)), CHOSEN, "a part of the layer only"),
        (found(flat=2), CHOSEN, "does not move"),
        (found(bank=replace(found().bank, converged=False)), CHOSEN, "not come to rest"),
        (found(pieces=replace(found().pieces, broken=3)), CHOSEN, "3 pieces hold NaN"),
    ],
)
def test_cautions(one: Judged, chosen: Chosen, part: str) -> None:
    (caution,) = (note for note in said(one, chosen) if not note.aside)
    assert part in caution.en and caution.zh != caution.en


def test_concepts_that_act_together_are_told_only_beyond_the_error() -> None:
    assert "comes of concepts that act together" in all_of(said(found((0.9, 0.4))))
    assert "no sign" in all_of(said(found((0.9, 0.4), error=0.2)))
    assert "no sign" in all_of(said(found((0.9, 0.13)))), "and not for rounding"


def test_what_is_particular_to_a_layer() -> None:
    assert "negative values" in all_of(said(found(bank=replace(found().bank, signed=True))))
    tokens = replace(SPOT, layout=Layout("tokens", (3, 3), 1))
    assert "class token" in all_of(said(found(), spot=tokens))
    positions = found(pieces=replace(found().pieces, boxes=()))
    assert "4 positions" in all_of(said(positions))
    assert "the output" in all_of(said(found(), replace(CHOSEN, number=None)))
    assert "that it predicts most" not in all_of(said(found(), replace(CHOSEN, asked=True)))


def test_the_table_and_the_bars_have_the_numbers() -> None:
    one = found()
    made = table(SPOT, one, INFO, (), facts_of(one))
    assert [row["total"] for row in made.rows] == pytest.approx([0.9, 0.1])
    assert [row["held"] for row in made.rows] == [1.0, 0.0] and [row["samples"] for row in made.rows] == [1, 0]
    assert made.facts["rows behind the layer"] == 20 and made.targets == (INFO,)
    assert bars(SPOT, one, INFO, (), {}).curves["total"].tolist() == pytest.approx([0.9, 0.1])


def test_headings_tell_the_importance_with_its_error() -> None:
    tiles = [Tile(i, torch.zeros(2, 2, 3).numpy(), None, INFO.words) for i in (0, 1)]
    made = gallery(SPOT, found((0.9, 0.001)), tiles, INFO, (), {})
    assert [group.en for group in made.groups] == ["concept 0: importance 0.90 ± 0.01", "concept 1: importance < 0.01"]
    assert made.values.shape == (2, 2) and made.groups[0].zh == "概念 0：重要性 0.90 ± 0.01"


def test_of_classes_that_are_predicted_as_often_it_is_told_that_one_is_the_first() -> None:
    notes = said(found(), replace(CHOSEN, alike=8))
    assert "the first of 8 classes that it predicts most" in all_of(notes)
    assert "8 个类别之首" in all_of(notes, "zh")


def test_indices_that_only_an_error_can_make_are_told() -> None:
    assert "more masks" not in all_of(said(found(alone=torch.tensor([0.9, 0.1]))))
    for alone in ([0.9, -0.2], [0.9, 0.3]):
        notes = said(found(alone=torch.tensor(alone)))
        assert "more masks" in all_of(notes) and not all(note.aside for note in notes)


def test_a_small_error_of_an_importance_is_not_said_to_be_none() -> None:
    one = found(error=0.001)
    tile = Tile(1, torch.zeros(2, 2, 3).numpy(), None, Text(""))
    (heading,) = gallery(SPOT, one, [tile], INFO, (), {}).groups
    assert str(heading).endswith("0.10 ± < 0.01")
