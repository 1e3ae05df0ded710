import numpy as np
import pytest

from pellucid.render.static import matrix, strips
from pellucid.results import Matrix
from tests.render.static.drawing import STYLE, drawn, words

SHORT, PADDED = ("the", "cat", "sat", "."), ("a", "dog", "[PAD]", "[PAD]")


def lines(values, *texts) -> Matrix:
    rows = tuple(f"head {i}" for i in range(values.shape[1]))
    return Matrix(values=values, axes=("batch", "head", "key"), rows=rows, words=texts)


def test_each_row_is_the_text_once_more_in_its_colours():
    values = np.array([[[0.0, 1.0, 0.5, 0.0], [1.0, 0.0, 0.0, 0.0]]])
    result = lines(values, SHORT)
    figure = drawn(matrix, result)
    seen = words(figure)
    assert {seen.count(word) for word in SHORT} == {2} and {"head 0", "head 1"} <= set(seen)
    boxes = [patch.get_facecolor() for axes in figure.axes for patch in axes.patches]
    assert len(boxes) == 8 and boxes[1] == boxes[4] != boxes[0] and boxes[0] == boxes[5]


def test_padding_is_left_out_and_examples_are_named():
    values = np.zeros((2, 1, 4))
    values[0, 0, 3], values[1, 0, :2] = 1, 0.5
    seen = words(drawn(matrix, lines(values, SHORT, PADDED)))
    assert {"example 1", "example 2", "dog", "."} <= set(seen) and "[PAD]" not in seen
    values[1, 0, 3] = 0.1
    assert words(drawn(matrix, lines(values, SHORT, PADDED))).count("[PAD]") == 2


@pytest.mark.parametrize(
    ("rows", "count", "said"),
    [
        (50, 4, "The first 48 of 50 are shown."),
        (1, 130, "The first 120 of 130 words are shown."),
        (2, 3, ""),
    ],
)
def test_what_is_left_out_is_said(rows, count, said):
    result = lines(np.ones((1, rows, count)), tuple(f"w{i}" for i in range(count)))
    assert matrix.remark(result, STYLE) == said and drawn(matrix, result).axes


def test_words_of_another_length_are_no_text():
    assert not strips.fits(lines(np.ones((1, 2, 3)), SHORT)) and not strips.fits(lines(np.ones((2, 2, 4)), SHORT))
