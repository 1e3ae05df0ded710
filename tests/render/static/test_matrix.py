import numpy as np
import pytest

from pellucid.core.text import Text
from pellucid.render.static import matrix
from pellucid.render.static.theme import Style, theme_named
from pellucid.results import Matrix
from tests.render.static.drawing import STYLE, drawn, words
from tests.results import samples


def test_colours_of_cells_are_those_of_the_scale():
    result = Matrix(values=np.array([[0.0, 0.5], [1.0, 0.25]]))
    cells = drawn(matrix, result).axes[0].images[0].get_array()
    assert np.allclose(cells[0, 0], [0.267, 0.005, 0.329], atol=0.01)
    assert np.allclose(cells[1, 0], [0.993, 0.906, 0.144], atol=0.01)


def test_small_matrices_have_labels_axis_names_and_numbers():
    result = Matrix(values=np.array([[0.0, 0.5]]), axes=("query", "key"), rows=("a",), columns=("b", ""))
    seen = words(drawn(matrix, result))
    assert {"a", "b", "␣", "query", "key →", "0.5"} <= set(seen)


@pytest.mark.parametrize("shape", [(60, 60), (12, 60), (60, 12)])
def test_a_long_sentence_keeps_its_words(shape):
    rows, columns = (tuple(f"{name}{i}" for i in range(size)) for name, size in zip("rc", shape, strict=True))
    seen = words(drawn(matrix, Matrix(values=np.zeros(shape), rows=rows, columns=columns)))
    assert {rows[0], rows[-1], columns[0], columns[-1]} <= set(seen)


@pytest.mark.parametrize("columns", [3, 40])
def test_of_very_many_layers_some_are_named(columns):
    names, steps = tuple(f"layer{i}" for i in range(200)), tuple(str(100 * i) for i in range(columns))
    ordered = Matrix(values=np.zeros((200, columns)), axes=("layer", "step"), rows=names, columns=steps)
    seen = words(drawn(matrix, ordered))
    places = [i for i, name in enumerate(names) if name in seen]
    assert 20 < len(places) < 60 and places[0] == 0 and len(set(np.diff(places))) == 1
    figure = drawn(matrix, ordered)
    labels = [one for axes in figure.axes for one in axes.get_xticklabels() if one.get_text() in steps]
    assert labels and {one.get_rotation() for one in labels} == {0.0} and labels[0].get_text() == "0"
    unordered = Matrix(values=np.zeros((200, columns)), axes=("query", "key"), rows=names)
    assert not [one for one in words(drawn(matrix, unordered)) if one.startswith("layer")]


def test_many_matrices_are_small_and_named():
    result = Matrix(
        values=np.random.default_rng(0).random((1, 12, 9, 9)),
        axes=("batch", "head", "query", "key"),
        panels=tuple(f"head {i}" for i in range(12)),
    )
    figure = drawn(matrix, result)
    assert sum(bool(axes.images) for axes in figure.axes) == 13
    assert "head 11" in words(figure)


def test_how_many_are_left_out():
    many = Matrix(values=np.zeros((10, 10, 2, 2)))
    assert matrix.remark(many, STYLE) == "The first 64 of 100 are shown."
    assert sum(bool(axes.images) for axes in drawn(matrix, many).axes) == 65
    assert matrix.remark(samples.matrix(), STYLE) == ""


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (200, 1), (3, 1, 7), (2, 2, 2, 50, 50)])
def test_every_shape(shape):
    rows, columns = (tuple(map(str, range(size))) for size in shape[-2:])
    assert drawn(matrix, Matrix(values=np.zeros(shape), rows=rows, columns=columns)).axes


def test_that_matrices_are_left_out_stands_in_the_picture():
    assert "+ 36 more" in words(drawn(matrix, Matrix(values=np.zeros((10, 10, 2, 2)))))
    assert not any("more" in one for one in words(drawn(matrix, Matrix(values=np.zeros((8, 8, 2, 2))))))


def test_names_are_said_in_the_language_of_the_picture():
    result = Matrix(values=np.eye(2), rows=(Text("class", "类别词元"), "b"), columns=("a", "b"))
    seen = words(drawn(matrix, result, Style(theme_named("light"), "zh")))
    assert "类别词元" in seen and "class" not in seen


def test_names_that_fit_beneath_their_column_are_not_turned():
    names = ("巴", "a", "a long word here", "，")
    figure = drawn(matrix, Matrix(values=np.eye(4), axes=("layer", "token"), columns=names))
    ticks = {tick.get_text(): tick.get_rotation() for axes in figure.axes for tick in axes.get_xticklabels()}
    assert [ticks[name] for name in names] == [0, 0, 90, 0]


def test_names_of_panels_that_are_too_long_lose_what_all_of_them_share():
    panels = tuple(f"model.decoder.layers.{i}.encoder_attn · mean of heads" for i in range(3))
    seen = words(drawn(matrix, Matrix(values=np.zeros((3, 2, 2)), axes=("layer", "query", "key"), panels=panels)))
    assert {f"layers.{i} · mean of heads" for i in range(3)} <= set(seen)


def test_a_character_that_cannot_be_seen_is_named():
    result = Matrix(values=np.eye(3), axes=("layer", "token"), columns=("\u200d", "\xa0", " "))
    seen = words(drawn(matrix, result))
    assert {"U+200D", "U+00A0", "␣"} <= set(seen)


def test_a_few_matrices_have_room_for_their_words():
    names = tuple(f"w{i}" for i in range(20))
    result = Matrix(values=np.zeros((3, 20, 12)), axes=("layer", "query", "key"), rows=names, columns=names[:12])
    seen = words(drawn(matrix, result))
    assert set(names) <= set(seen)
