"""Which element belongs to which group, for every kind of input and group."""

import numpy as np
import pytest
import torch
from torch import Tensor

from pellucid.core.errors import BadSetting
from pellucid.inputs.grouping import Explained, Parts, parts
from pellucid.results.base import Base


def one(value: Tensor, base: Base | None = None) -> Explained:
    return Explained("input", value, base, not value.is_floating_point())


IMAGE, SERIES, VOLUME = one(torch.zeros(2, 3, 8, 12)), one(torch.zeros(2, 3, 10)), one(torch.zeros(2, 1, 4, 5, 6))
ROWS, TOKENS = one(torch.zeros(2, 5)), one(torch.tensor([[3, 1, 4], [1, 5, 9]]))


@pytest.mark.parametrize(
    ("x", "setting", "kind", "count", "shape"),
    [
        (IMAGE, "auto", "superpixels", None, (1, 8, 12)),
        (IMAGE, "superpixels:6", "superpixels", 6, (1, 8, 12)),
        (IMAGE, 6, "superpixels", 6, (1, 8, 12)),
        (IMAGE, "grid", "grid", 49, (1, 8, 12)),
        (IMAGE, "grid:2", "grid", 4, (1, 8, 12)),
        (IMAGE, "channels", "channels", 3, (3, 1, 1)),
        (IMAGE, "elements", "elements", 288, (3, 8, 12)),
        (SERIES, "auto", "segments", 10, (1, 10)),
        (SERIES, "segments:5", "segments", 5, (1, 10)),
        (SERIES, "channels", "channels", 3, (3, 1)),
        (VOLUME, "auto", "blocks", 64, (1, 4, 5, 6)),
        (VOLUME, "blocks:2", "blocks", 8, (1, 4, 5, 6)),
        (ROWS, "auto", "columns", 5, (5,)),
        (ROWS, "elements", "elements", 5, (5,)),
        (TOKENS, "auto", "words", 3, (3, 1)),
        (TOKENS, "tokens", "tokens", 3, (3, 1)),
    ],
)
def test_every_kind(x: Explained, setting: str | int, kind: str, count: int | None, shape: tuple[int, ...]) -> None:
    found = parts(x, setting)
    assert found.kind == kind and tuple(found.labels.shape) == (2, *shape)
    for labels, names in zip(found.labels, found.names, strict=True):
        assert torch.equal(labels.unique(), torch.arange(len(names)))
        assert count in (None, len(names)) and len(set(names)) == len(names)


def test_boxes_are_equal_and_in_order() -> None:
    assert (
        parts(one(torch.zeros(1, 1, 4, 6)), "grid:2").labels[0, 0].tolist()
        == [[0] * 3 + [1] * 3] * 2 + [[2] * 3 + [3] * 3] * 2
    )
    found = parts(one(torch.zeros(1, 2, 7)), "segments:3")
    assert found.labels[0, 0].tolist() == [0, 0, 0, 1, 1, 2, 2] and found.names[0] == ("0–2", "3–4", "5–6")
    assert parts(one(torch.zeros(1, 2, 3)), "segments:9").names[0] == ("0", "1", "2")


def test_superpixels_follow_the_picture_of_each_example() -> None:
    pictures = np.zeros((2, 8, 12, 3), np.float32)
    pictures[0, :, 5:], pictures[1, 3:] = 1.0, 1.0
    found = parts(one(torch.zeros(2, 3, 8, 12), Base("image", pictures)), "superpixels:4").labels[:, 0]
    assert not set(found[0, :, :5].unique().tolist()) & set(found[0, :, 5:].unique().tolist())
    assert not set(found[1, :3].unique().tolist()) & set(found[1, 3:].unique().tolist())


def test_words_are_named() -> None:
    base = Base("tokens", names=(("[CLS]", "un", "seen"), ("[CLS]", "a", " b")))
    found = parts(one(torch.zeros(2, 3, dtype=torch.long), base), "words")
    assert found.names == (("[CLS]", "un", "seen"), ("[CLS]", "a", "b"))  # no space anywhere: every token is a word
    spaced = Base("tokens", names=((" un", "seen", " b"), ("[CLS]", "a", " b")))
    found = parts(one(torch.zeros(2, 3, dtype=torch.long), spaced), "words")
    assert found.names == (("unseen", "b"), ("[CLS]", "a", "b"))
    assert found.labels[..., 0].tolist() == [[0, 0, 1], [0, 1, 2]]


def test_columns_bear_the_names_of_features() -> None:
    base = Base("features", np.zeros((2, 3)), (("age", "height", "weight"),))
    assert parts(one(torch.zeros(2, 3), base), "columns").names == (("age", "height", "weight"),) * 2
    assert parts(ROWS, "columns").names[0] == ("#0", "#1", "#2", "#3", "#4")


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (torch.tensor([[5, 5], [7, 9]]), [[[[0, 0], [1, 2]]]] * 2),
        (torch.tensor([[5.0, 5.0], [7.0, 9.0]]), [[[[0, 0], [1, 2]]]] * 2),
        (torch.tensor([[-1, -4], [7, 9]]), [[[[-1, -1], [0, 1]]]] * 2),
        (torch.tensor([[False, True], [True, False]]), [[[[0, 1], [1, 0]]]] * 2),
        (torch.tensor([[[5, 5], [7, 9]], [[1, 1], [1, 1]]]), [[[[0, 0], [1, 2]]], [[[0, 0], [0, 0]]]]),
    ],
)
def test_labels_of_the_caller(labels: Tensor, expected: object) -> None:
    found = parts(one(torch.zeros(2, 3, 2, 2)), labels)
    assert found.labels.tolist() == expected


def test_labels_of_every_element() -> None:
    labels = torch.arange(12).reshape(3, 2, 2)
    for one_or_each in (labels, labels.expand(2, 3, 2, 2)):
        assert torch.equal(parts(one(torch.zeros(2, 3, 2, 2)), one_or_each).labels, labels.expand(2, 3, 2, 2))
    assert parts(TOKENS, torch.tensor([4, 4, 2])).labels.tolist() == [[[1], [1], [0]]] * 2


def test_names_of_labels_are_their_numbers() -> None:
    found: Parts = parts(ROWS, torch.tensor([3, 3, 8, -1, 8]))
    assert found.names[0] == ("#3", "#8")


@pytest.mark.parametrize(
    ("x", "setting", "says"),
    [
        (IMAGE, "superpixel", "no such grouping\n  nearest   'superpixels'"),
        (IMAGE, "words", "has no words\n  nearest   'superpixels', 'grid', 'channels', 'elements'"),
        (ROWS, "superpixels", "has no superpixels\n  nearest   'columns'"),
        (IMAGE, "grid:no", "whole number"),
        (IMAGE, "grid:0", "whole number"),
        (ROWS, 3, "as many as there are"),
        (IMAGE, torch.zeros(8, 11), r"of shape \(8, 11\), the input is \(2, 3, 8, 12\)\n  nearest   \(8, 12\)"),
        (IMAGE, torch.full((8, 12), 0.5), "not whole numbers"),
        (IMAGE, torch.full((8, 12), -1), "every label is negative"),
    ],
)
def test_errors(x: Explained, setting: str | int | Tensor, says: str) -> None:
    with pytest.raises(BadSetting, match=says):
        parts(x, setting)
