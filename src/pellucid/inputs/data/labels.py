"""Labels as data sets write them, names or numbers, as the numbers of classes."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from pellucid.core.errors import BadInput, nearest_names, quoted
from pellucid.core.text import Text

UNKNOWN = -1


def numbered(
    words: Sequence[str | int | None], classes: Sequence[str] | None, where: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The class of every sample, `UNKNOWN` where it has none, and the names of the classes.

    Numbers stay what they are. Names are numbered in the order of `classes`, or else of their bytes.

    Args:
        words: one per sample; None and "" for no label.
        classes: names of the classes in the order of the model's output.
        where: how to name the data set in an error.
    Raises:
        BadInput: a name or number that `classes` does not have, or a number below 0.
    """
    given = [printable(str(one).strip()) if one is not None else "" for one in words]
    known = [one for one in given if one]
    if classes is None and all(_is_number(one) for one in known):
        return np.array([_number(one, where) if one else UNKNOWN for one in given], np.int64), ()
    names = tuple(classes) if classes is not None else tuple(sorted(set(known), key=str.encode))
    places = {name: place for place, name in reversed(list(enumerate(names)))}
    for one in dict.fromkeys(known):
        if one in places:
            continue
        if not _is_number(one) or not 0 <= int(one) < len(names):
            raise BadInput(
                Text(
                    f"{where} has the label '{one}', which is none of the {len(names)} classes.",
                    f"{where} 的标签 '{one}' 不在 {len(names)} 个类别之中。",
                ),
                nearest=quoted(nearest_names(one, names)),
                hint=Text(
                    "classes= are the names in the order of the model's output", "classes= 是按模型输出顺序排列的名称"
                ),
            )
        places[one] = int(one)
    return np.array([places[one] if one else UNKNOWN for one in given], np.int64), names


def printable(words: str) -> str:
    """`words` with bytes that are no UTF-8, as names of files have them, escaped."""
    return words.encode("utf-8", "backslashreplace").decode()


def label_at(labels: np.ndarray | None, ordinal: int) -> int | None:
    """The class of one sample; None if it has none."""
    label = UNKNOWN if labels is None else int(labels[ordinal])
    return None if label == UNKNOWN else label


def as_label(value: object) -> int | None:
    """A class out of what a data set gives beside its input; None if that is no class."""
    if isinstance(value, (bool, np.bool_)):
        return int(value)
    array = np.asarray(value.detach().cpu() if isinstance(value, Tensor) else value)
    if array.size == 1 and array.dtype.kind in "iu" and int(array.reshape(())) >= 0:
        return int(array.reshape(()))
    return None


def _is_number(word: str) -> bool:
    return word.isascii() and word.removeprefix("-").isdigit() and len(word) < 12


def _number(word: str, where: str) -> int:
    number = int(word)
    if number < 0:
        raise BadInput(
            Text(
                f"{where} has the label {number}; classes are counted from 0.",
                f"{where} 的标签为 {number}；类别从 0 数起。",
            ),
            hint=Text("leave the label of a sample empty", "样本没有标签时请留空"),
        )
    return number
