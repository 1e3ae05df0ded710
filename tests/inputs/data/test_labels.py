import numpy as np
import pytest
import torch

from pellucid.core.errors import BadInput
from pellucid.inputs.data.labels import as_label, label_at, numbered, printable


def test_numbers_stay_and_names_are_numbered_by_their_bytes() -> None:
    labels, names = numbered(["3", "", 0, None], None, "x")
    assert labels.tolist() == [3, -1, 0, -1] and names == ()
    labels, names = numbered(["é", "b", "Z", "b"], None, "x")
    assert labels.tolist() == [2, 1, 0, 1] and names == ("Z", "b", "é")
    assert numbered(["1", "cat"], None, "x")[1] == ("1", "cat")


def test_the_order_of_the_model_goes_before() -> None:
    labels, names = numbered(["cat", "2", "dog", "cat"], ["dog", "cat", "cow", "cat"], "x")
    assert labels.tolist() == [1, 2, 0, 1] and len(names) == 4


@pytest.mark.parametrize(("words", "classes"), [(["cta"], ["dog", "cat"]), (["2"], ["dog", "cat"]), (["-1"], None)])
def test_labels_that_are_no_classes(words: list[str], classes: list[str] | None) -> None:
    with pytest.raises(BadInput, match="The list has the label") as caught:
        numbered(words, classes, "The list")
    assert classes is None or "'cat'" in caught.value.nearest


@pytest.mark.parametrize(
    ("given", "label"),
    [
        (3, 3),
        (True, 1),
        (np.int64(4), 4),
        (torch.tensor([5]), 5),
        (torch.tensor(2, dtype=torch.uint8), 2),
        (-1, None),
        (1.0, None),
        ("cat", None),
        (torch.zeros(3, dtype=torch.int64), None),
        ([{}], None),
    ],
)
def test_labels_of_objects(given: object, label: int | None) -> None:
    assert as_label(given) == label


def test_printable() -> None:
    assert printable("猫 a") == "猫 a" and printable("a\udcff\ud800") == "a\\udcff\\ud800"


def test_unknown_is_none() -> None:
    assert label_at(None, 3) is None
    assert [label_at(np.array([-1, 4]), i) for i in range(2)] == [None, 4]
