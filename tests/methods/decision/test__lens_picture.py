"""What is told of readouts whose numbers are given."""

import numpy as np
import torch

from pellucid.core.provenance import TargetInfo
from pellucid.methods.decision._lens_picture import Told, along, at_one, over_all
from pellucid.methods.decision._lens_reading import Picked

OUTPUT = torch.tensor([[3.0, 1.0, 0.0], [0.0, 2.0, 1.0], [0.0, 4.0, 1.0]], dtype=torch.float64)
ROWS = ("embedding", "one", "two")


def told(output: torch.Tensor, classes: tuple[int, ...], scores: torch.Tensor) -> Told:
    """Readouts of three levels."""
    return Told(
        output,
        scores,
        0.0,
        Picked(classes, 0),
        ROWS,
        {0: "#0", 1: " b", 2: "#2"}.__getitem__,
        TargetInfo("b", (0, 1), 4.0),
    )


def test_the_target_comes_first_and_then_what_ranks_highest_anywhere() -> None:
    shown = at_one(told(OUTPUT, (2,), OUTPUT[:, 2]), "probability", 2)
    assert shown.columns == ("#2", " b") and shown.facts["best"] == ("#0", " b", " b")
    np.testing.assert_allclose(shown.values, OUTPUT.softmax(-1)[:, [2, 1]])
    assert shown.facts["best from"] == "one" and shown.facts["rank"] == (2, 1, 1)
    assert "'b', is the best from 'one' on" in shown.notes[0].en and shown.notes[0].aside


def test_probabilities_are_taken_as_they_are() -> None:
    shares = OUTPUT.softmax(-1)
    np.testing.assert_allclose(at_one(told(shares, (1,), shares[:, 1]), "probability", 1).values, shares[:, 1:2])


def test_the_curve_is_marked_where_the_target_wins_for_good() -> None:
    first = along(told(OUTPUT, (1,), OUTPUT[:, 1]))
    assert list(first.marks) == [1] and first.facts["from"] == "one"
    both = along(told(OUTPUT, (0, 1), OUTPUT[:, 0] - OUTPUT[:, 1]))
    assert not both.marks and both.facts["from"] == "" and "not positive" in both.notes[0].en
    assert both.notes[0].aside
    always = along(told(OUTPUT, (2, 2), torch.ones(3)))
    assert not always.marks and always.facts["from"] == "embedding"


def test_over_positions_each_is_shown_its_own_answer() -> None:
    output = torch.stack([OUTPUT, OUTPUT.flip(-1)], 1)
    shown = over_all(told(output, (1,), OUTPUT[:, 1]), "logit", ("x", "y"), free=True)
    assert shown.columns == ("x →  b", "y →  b") and shown.signed and shown.targets == ()
    np.testing.assert_allclose(shown.values, output[..., 1])
    both = over_all(told(output, (0, 2), OUTPUT[:, 1]), "probability", ("x", "y"), free=False)
    np.testing.assert_allclose(both.values, output[..., 0] - output[..., 2])
    assert both.unit.say("en") == "logit" and both.columns == ("x", "y")  # type: ignore[union-attr]
