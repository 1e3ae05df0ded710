import numpy as np
import pytest

from pellucid.core.errors import NotApplicable
from pellucid.methods.feature._grouped import grouped

NAMES = ("cat", "dog", "hen")
LABELS = np.array([0, 2, -1, 1])
ANSWERS = np.array([[3.0, 1, 0], [0, 1, 0], [0, 0, 5], [1, 2, 0]])


def said(found, lang="en"):
    return [name.say(lang) for name in found.names]


def test_labels_have_their_names():
    assert said(grouped("label", NAMES, LABELS, None)) == ["cat", "hen", "no label", "dog"]
    assert said(grouped("label", (), LABELS, None), "zh") == ["类别 0", "类别 2", "无标签", "类别 1"]
    assert grouped("label", NAMES, np.full(3, -1), None).names == ()


def test_predictions_are_named_only_where_outputs_and_classes_are_as_many():
    assert said(grouped("prediction", NAMES, LABELS, ANSWERS)) == ["cat", "dog", "hen", "dog"]
    assert said(grouped("prediction", NAMES[:2], LABELS, ANSWERS)) == ["class 0", "class 1", "class 2", "class 1"]


def test_errors_are_where_prediction_and_label_differ():
    found = grouped("error", NAMES, LABELS, ANSWERS)
    assert said(found) == ["right", "wrong", "no label", "right"] and found.codes is LABELS


@pytest.mark.parametrize(
    ("classes", "labels", "answers", "why"),
    [
        pytest.param(NAMES, np.full(4, -1), ANSWERS, "no sample has one", id="no labels"),
        pytest.param(("cat", "dog"), np.array([0, 1, 0, 1]), ANSWERS, "2 classes and 3 outputs", id="other classes"),
        pytest.param((), np.array([0, 1, 0, 7]), ANSWERS, "8 classes and 3 outputs", id="a label without an output"),
        pytest.param(NAMES, LABELS, ANSWERS[:, :1], "one number", id="one output"),
    ],
)
def test_what_cannot_be_compared_is_refused(classes, labels, answers, why):
    with pytest.raises(NotApplicable, match=why):
        grouped("error", classes, labels, answers)
