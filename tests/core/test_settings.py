from collections.abc import Callable
from typing import Annotated, Literal

import pytest
from annotated_types import Ge, Gt, Le, Lt

from pellucid.core.settings import fits, worded

CASES = [
    (int, [0, -3], [1.5, True, "1", None], "a whole number"),
    (float, [0, 1.5], [True, "1", None], "a number"),
    (bool, [True], [1, None], "True or False"),
    (str, ["a"], [1, None], "a text"),
    (int | None, [1, None], ["a", 1.5], "a whole number or None"),
    (Annotated[int, Ge(1)], [1], [0, 1.5], "a whole number of at least 1"),
    (Annotated[float, Gt(0), Le(1)], [0.5, 1], [0, 1.1], "a number above 0 and at most 1"),
    (Annotated[float, Lt(1)] | None, [0, None], [1], "a number below 1 or None"),
    (Literal["max", "index"], ["max"], ["min", 1], "one of 'max', 'index'"),
    (tuple[int, ...], [(), (1, 2)], [(1, "a"), 1], "several in brackets, each a whole number"),
    (tuple[int, str], [(1, "a")], [(1,), ("a", 1)], "a tuple of a whole number, a text"),
    (Callable[[int], int], [abs], [1], "a function"),
]


@pytest.mark.parametrize(("annotation", "right", "wrong", "words"), CASES)
def test_what_fits_and_how_it_is_said(annotation: object, right: list[object], wrong: list[object], words: str) -> None:
    assert all(fits(value, annotation) for value in right)
    assert not any(fits(value, annotation) for value in wrong)
    assert worded(annotation) == words


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int | None, "整数，或None"),
        (Annotated[int, Ge(1)], "不小于 1 的整数"),
        (Annotated[float, Gt(0), Le(1)], "大于 0、不大于 1 的数"),
        (Literal["max", "index"], "'max'、'index' 之一"),
        (tuple[int, ...], "括号中的若干个，每个为整数"),
        (tuple[int, str], "由整数、文本组成的元组"),
        (Callable[[int], int], "函数"),
        (bool, "True 或 False"),
        (dict, "dict"),
    ],
)
def test_how_it_is_said_in_chinese(annotation: object, words: str) -> None:
    assert worded(annotation, "zh") == words
