import numpy as np
import pytest

from pellucid.core.text import Text
from pellucid.render.static import matrix, mosaic
from pellucid.render.static.colour import painted
from pellucid.render.static.theme import Style, theme_named
from pellucid.results import Matrix
from tests.render.static.drawing import STYLE, drawn, words

AXES = ("batch", "layer", "head", "query", "key")


def grid(examples: int, layers: int, heads: int, size: int = 3) -> Matrix:
    """Every matrix has one number of its own."""
    values = np.arange(examples * layers * heads, dtype=np.float32).reshape(examples, layers, heads, 1, 1)
    return Matrix(
        values=np.broadcast_to(values, (examples, layers, heads, size, size)),
        axes=AXES,
        down=tuple(Text(f"layer.{i}") for i in range(layers)),
        across=tuple(Text(str(i)) for i in range(heads)),
    )


def pictures(result: Matrix) -> list:
    return [image for axes in drawn(matrix, result).axes for image in axes.images][: result.values.size]


@pytest.mark.parametrize(("layers", "heads"), [(12, 12), (6, 12), (30, 9)])
def test_all_heads_of_all_layers_are_drawn_and_named_once(layers, heads):
    result = grid(1, layers, heads)
    figure = drawn(matrix, result)
    seen = words(figure)
    assert [seen.count(name) for name in ("layer", "head", "in each: query ↓, key →")] == [1, 1, 1]
    assert {f"layer.{i}" for i in range(layers)} | {str(i) for i in range(heads)} <= set(seen)
    assert len(pictures(result)) == layers * heads + 1 and mosaic.remark(result, STYLE) == ""
    width, height = mosaic.size(result, STYLE)
    assert width < 9.5 and height < 16


def test_each_matrix_is_at_its_layer_and_head():
    result = grid(1, 2, 3).with_(limits=(0.0, 5.0))
    found = pictures(result)[:6]
    rows = sorted({image.get_extent()[3] for image in found})
    columns = sorted({image.get_extent()[0] for image in found})
    shown = {
        (rows.index(image.get_extent()[3]), columns.index(image.get_extent()[0])): image.get_array()[0, 0].tolist()
        for image in found
    }
    for (i, j), colour in shown.items():
        wanted = painted(result.values[0, i, j], result.scale, STYLE)[0, 0] * 255
        assert np.abs(np.array(colour) - wanted).max() <= 3.0


def test_the_axes_are_named_in_chinese_too():
    seen = words(drawn(matrix, grid(1, 2, 3), Style(theme_named("dark"), "zh")))
    assert {"层", "头", "每格：查询 ↓，键 →"} <= set(seen)


def test_what_is_left_out_is_said_in_the_picture_and_below():
    many = grid(1, 50, 2)
    assert "+ 4 more" in words(drawn(matrix, many))
    assert mosaic.remark(many, STYLE) == "The first 96 of 100 are shown."
    assert mosaic.remark(grid(9, 30, 9), STYLE) == "The first 1 of 9 examples are shown."


def test_examples_stand_one_below_the_other():
    seen = words(drawn(matrix, grid(2, 2, 2)))
    assert {"example 1", "example 2"} <= set(seen)
    alone = grid(1, 1, 2).with_(values=np.zeros((3, 2, 4, 4)), axes=("batch", *AXES[2:]), down=())
    assert mosaic.fits(alone) and {"example 3", "0", "1"} <= set(words(drawn(matrix, alone)))
    assert not mosaic.fits(alone.with_(values=np.zeros((1, 2, 4, 4))))
    assert not mosaic.fits(alone.with_(values=np.zeros((3, 5, 4, 4))))


def test_large_matrices_are_means_over_cells_and_that_is_said():
    values = np.zeros((1, 12, 12, 300, 300), np.float32)
    values[..., ::2] = 1
    large = grid(1, 12, 12).with_(values=values)
    assert mosaic.remark(large, STYLE) == "Small matrices show means over neighbouring cells."
    shown = pictures(large)[0].get_array()
    assert shown.shape[0] == shown.shape[1] < 130
    middle = painted(np.array([0.5]), large.scale, STYLE)[0] * 255
    assert np.abs(shown.reshape(-1, 3).mean(0) - middle).max() < 12
