import numpy as np
import pytest
from matplotlib.patches import Rectangle

from pellucid.core.text import Text
from pellucid.render.static import table
from pellucid.render.static.table import words_of
from pellucid.results import Table
from tests.render.static.drawing import STYLE, drawn, words
from tests.results import samples


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (None, "–"),
        (True, "✓"),
        (False, "✗"),
        (1234.5678, "1,235"),
        (np.int64(7), "7"),
        (float("nan"), "NaN"),
        ((1, 64, 56), "1 × 64 × 56"),
        ((), "–"),
        ("word", "word"),
        (Text("a", "b"), "a"),
    ],
)
def test_cells_as_words(cell, said):
    assert words_of(cell, STYLE) == said


def test_headings_cells_pictures_strips_and_charts():
    figure = drawn(table, samples.table())
    assert {"name", "dead", "layer2", "0.2", "1 × 2", "✓", "–"} <= set(words(figure))
    assert sum(bool(axes.images) for axes in figure.axes) == 3
    assert sum(bool(axes.collections) for axes in figure.axes) == 3
    assert sum(len(axes.lines) > 1 and axes.get_xlabel() == "step" for axes in figure.axes) == 1


def test_bars_are_as_long_as_their_numbers():
    rows = tuple({"v": value} for value in (1.0, -4.0, 2.0))
    figure = drawn(table, Table(rows=rows, columns={"v": Text("v")}))
    bars = [patch.get_width() for patch in figure.axes[0].patches if isinstance(patch, Rectangle) and patch.get_alpha()]
    assert bars[1] / bars[0] == pytest.approx(4)
    assert bars[2] / bars[0] == pytest.approx(2)


def test_how_many_rows_are_left_out():
    many = Table(rows=tuple({"v": i} for i in range(100)), columns={"v": Text("v")})
    assert table.remark(many, STYLE) == "The first 40 of 100 are shown."
    assert "39" in words(drawn(table, many))
    assert "40" not in words(drawn(table, many))


def test_pictures_of_a_column_share_their_colours():
    rows = ({"a": np.eye(2)}, {"a": -np.eye(2)})
    mixed = Table(rows=rows, columns={"a": Text("a")})
    images = [axes.images[0] for axes in drawn(table, mixed).axes if axes.images]
    assert [(image.get_cmap().name, *image.get_clim()) for image in images] == [("RdBu_r", -1, 1)] * 2
    assert "red positive, blue negative" in table.remark(mixed, STYLE)
    plain = Table(rows=rows[:1], columns={"a": Text("a")})
    assert table.remark(plain, STYLE) == "Small pictures: from 0 to their own largest value."


def test_charts_beside_are_named_by_their_layer():
    beside = (samples.series(layer="layer3"),)
    assert "layer3" in words(drawn(table, samples.table(beside=beside)))


@pytest.mark.parametrize(
    "cell", [np.full((2, 2), np.nan), np.zeros((3, 3, 3)), -np.eye(3), np.zeros(0), float("inf"), 10**30]
)
def test_odd_cells(cell):
    assert drawn(table, Table(rows=({"a": cell},), columns={"a": Text("a")})).axes
