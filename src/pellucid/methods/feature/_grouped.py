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
        raise NotApplicable(
            Text(
                f"the network answers with one number for each sample, so by='{by}' has no classes",
                f"网络对每个样本只给出一个数，因此 by='{by}' 没有类别可用",
            )
        )
    predicted, same = answers.argmax(1), len(classes) in (0, answers.shape[1])
    if by == "prediction":
        return Grouped(tuple(_named(int(one), classes if same else ()) for one in predicted), predicted, prediction)
    if (labels < 0).all():
        raise NotApplicable(
            Text("by='error' needs labels, and no sample has one", "by='error' 需要标签，而没有样本带标签"),
            hint="by='prediction'",
        )
    if not same or labels.max() >= answers.shape[1]:
        raise NotApplicable(
            Text(
                f"by='error' needs labels numbered as the network's outputs: there are {len(classes) or labels.max() + 1}"
                f" classes and {answers.shape[1]} outputs",
                f"by='error' 需要与网络输出编号一致的标签：类别有 {len(classes) or labels.max() + 1} 个，输出有 {answers.shape[1]} 个",
            ),
            hint=Text(
                "pl.data(..., classes=[the network's class names, in order])",
                "pl.data(..., classes=[按顺序给出网络的类别名])",
            ),
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
            Text(
                f"the output has shape {one.shape}: more than one answer for a sample",
                f"输出的形状为 {one.shape}：每个样本不止一个答案",
            ),
            hint="embedding(by='label')",
        )
    return as_array(one.state["vectors"])


def _named(label: int, classes: tuple[str, ...]) -> Text:
    if label < 0:
        return _UNKNOWN
    return Text(classes[label]) if label < len(classes) else Text(f"class {label}", f"类别 {label}")
