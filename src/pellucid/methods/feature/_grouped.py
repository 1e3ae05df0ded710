"""By what samples are told apart: their label, what the network answers, or whether it is right."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.engine.sweeps.request import Gathered
from pellucid.results.array import as_array

By = Literal["label", "prediction", "error"]
_UNKNOWN = Text("no label", "无标签")
_RIGHT, _WRONG = Text("right", "正确"), Text("wrong", "错误")


@dataclass(frozen=True, eq=False)
class Grouped:
    """Samples in groups.

    Args:
        names: the group of each sample; empty if none of them has one.
        codes: the class by which neighbours are compared, -1 where there is none: of `by="error"` the label.
        said: what that class is.
    """

    names: tuple[Text, ...]
    codes: np.ndarray
    said: Text


def grouped(by: By, classes: tuple[str, ...], labels: np.ndarray, answers: np.ndarray | None) -> Grouped:
    """The groups of samples.

    Args:
        classes: names of the labels, empty if there are none.
        labels: `(sample,)`, -1 where there is none.
        answers: scores `(sample, class)`, for anything but the label.
    Raises:
        NotApplicable: there is no label to compare with, or the answers are not scores of the same classes.
    """
    label, prediction = Text("label", "标签"), Text("prediction", "预测")
    if by == "label" or answers is None:
        names = () if (labels < 0).all() else tuple(_named(int(one), classes) for one in labels)
        return Grouped(names, labels, label)
    if answers.shape[1] < 2:
        raise NotApplicable(f"the network answers with one number for each sample, so by='{by}' has no classes")
    predicted, same = answers.argmax(1), len(classes) in (0, answers.shape[1])
    if by == "prediction":
        return Grouped(tuple(_named(int(one), classes if same else ()) for one in predicted), predicted, prediction)
    if (labels < 0).all():
        raise NotApplicable("by='error' needs labels, and no sample has one", hint="by='prediction'")
    if not same or labels.max() >= answers.shape[1]:
        raise NotApplicable(
            f"by='error' needs labels numbered as the network's outputs: there are {len(classes) or labels.max() + 1}"
            f" classes and {answers.shape[1]} outputs",
            hint="pl.data(..., classes=[the network's class names, in order])",
        )
    right = predicted == labels
    names = tuple(_UNKNOWN if one < 0 else _RIGHT if fine else _WRONG for one, fine in zip(labels, right, strict=True))
    return Grouped(names, labels, label)


def answers_of(one: Gathered) -> np.ndarray:
    """What the network answers each sampled sample with, `(sample, class)`.

    Raises:
        NotApplicable: it has more than one answer for a sample.
    """
    if len(one.shape) > 2 and np.prod(one.shape[2:]) > 1:
        raise NotApplicable(
            f"the output has shape {one.shape}: more than one answer for a sample", hint="embedding(by='label')"
        )
    return as_array(one.state["vectors"])


def _named(label: int, classes: tuple[str, ...]) -> Text:
    if label < 0:
        return _UNKNOWN
    return Text(classes[label]) if label < len(classes) else Text(f"class {label}", f"类别 {label}")
