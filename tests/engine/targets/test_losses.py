import pytest
import torch
from torch.nn.functional import cross_entropy

from pellucid.core.errors import BadTarget, NotApplicable
from pellucid.engine.targets.target import contrast, rival
from tests.engine.outputs import PIXELS, ROWS, TOKENS, resolved


def test_a_loss_is_the_mean_of_the_cross_entropy_of_the_labels():
    found, scores = resolved([0, 1, 2], ROWS, loss=cross_entropy)
    assert torch.allclose(scores, cross_entropy(ROWS, torch.tensor([0, 1, 2]), reduction="none"))
    assert torch.allclose(found.total(scores), cross_entropy(ROWS, torch.tensor([0, 1, 2])))
    assert found.infos[1].label == "cross_entropy of class 1" and found.infos[1].unit == "loss"
    assert resolved(1, ROWS)[0].total(scores) == scores.sum()


def test_a_loss_without_a_label_takes_the_predicted_one():
    found, scores = resolved(None, ROWS, loss=cross_entropy)
    assert torch.allclose(scores, cross_entropy(ROWS, ROWS.argmax(1), reduction="none"))
    assert found.infos[0].chosen == "predicted"


def test_losses_of_other_outputs():
    assert torch.allclose(
        resolved((1, 2), TOKENS, loss=cross_entropy)[1],
        cross_entropy(TOKENS[:, 1], torch.tensor([2, 2]), reduction="none"),
    )
    whole = cross_entropy(PIXELS, torch.full((2, 4, 5), 1), reduction="none").flatten(1).mean(1)
    assert torch.allclose(resolved(1, PIXELS, loss=cross_entropy)[1], whole)

    def squared(out, label):
        return (out - label) ** 2

    found, scores = resolved([1, 2, 3], ROWS[:, :1], loss=squared)
    assert torch.allclose(scores, (ROWS[:, 0] - torch.tensor([1.0, 2.0, 3.0])) ** 2)
    assert found.infos[0].label == "squared of 1"


def test_segmentation_labels_per_example_in_a_loss():
    each = resolved([0, 2], PIXELS, loss=cross_entropy)[1]
    assert torch.allclose(each[1], resolved(2, PIXELS, loss=cross_entropy)[1][1])
    assert torch.allclose(each[0], resolved(0, PIXELS, loss=cross_entropy)[1][0])


@pytest.mark.parametrize("asked", [lambda out: out[:, 0], contrast(0, 1)])
def test_a_loss_needs_a_label(asked):
    with pytest.raises(NotApplicable, match="a loss needs a label"):
        resolved(asked, ROWS, loss=cross_entropy)


def test_labels_that_do_not_exist_in_a_loss_of_a_segmentation():
    with pytest.raises(BadTarget, match="target 7 is out of range"):
        resolved(7, PIXELS, loss=cross_entropy)


def test_a_loss_of_a_rival_is_refused():
    with pytest.raises(NotApplicable, match="a loss needs a label"):
        resolved(rival(), ROWS, loss=cross_entropy)


def test_cross_entropy_of_one_number_per_example_is_refused():
    with pytest.raises(NotApplicable, match="cross-entropy needs classes"):
        resolved(1, ROWS[:, :1], loss=cross_entropy)


def test_labels_are_said_in_both_languages():
    words = [resolved(asked, ROWS, loss=cross_entropy)[0].infos[0].words for asked in (1, None)]
    assert (words[0].en, words[0].zh) == ("cross_entropy of class 1", "类别 1 的 cross_entropy")
    assert words[1].zh == f"类别 {ROWS[0].argmax()} 的 cross_entropy"
