import numpy as np
import pytest

from pellucid.render.static.attribution import draw, is_overlay, remark, size
from pellucid.render.static.draw import draw as whole
from pellucid.render.static.page import Words, page
from pellucid.render.static.theme import THEMES, Style
from pellucid.results import Attribution, Base
from tests.results import samples

STYLE = Style(THEMES["light"])


def drawn(result):
    canvas = page(Words("t"), size(result, STYLE), STYLE)
    draw(canvas, result)
    return canvas.figure


def images(figure):
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]


def test_a_coarse_map_is_laid_over_the_picture():
    result = samples.attribution()
    assert is_overlay(result)
    picture, mixed, _ = images(drawn(result))
    assert np.allclose(picture, result.base.values[0])
    y, x = np.unravel_index(result.heat[0].argmax(), (28, 28))
    quiet = np.unravel_index(result.heat[0].argmin(), (28, 28))
    assert np.ptp(mixed[quiet]) < 0.02
    assert mixed[y, x] == pytest.approx([0.98, 0.99, 0.7], abs=0.15)


def test_a_map_as_fine_as_the_picture_stands_beside_it():
    result = samples.attribution(values=samples.blob(28, 28, 0.5, 0.5)[None])
    assert not is_overlay(result)
    _, alone, _ = images(drawn(result))
    assert alone[0, 0].max() < 0.05


def test_up_to_four_examples_and_how_many_are_left_out():
    values = np.stack([samples.blob(7, 7, 0.2, 0.1 * i) for i in range(6)])
    result = samples.attribution(values=values, base=samples.picture(6), targets=(samples.TABBY,) * 6)
    assert len(images(drawn(result))) == 2 * 4 + 1
    assert remark(result, STYLE) == "The first 4 of 6 are shown."
    assert remark(samples.attribution(), STYLE) == ""
    assert any("The first 4 of 6 are shown." in text.get_text() for text in whole(result).texts)


def test_a_map_without_a_picture_shows_its_own_cells():
    result = samples.attribution(base=None)
    shown, _ = images(drawn(result))
    assert shown.shape == (7, 7, 3)


def test_an_empty_map_says_so():
    figure = drawn(samples.attribution(values=np.zeros((1, 7, 7))))
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert texts == ["zero everywhere"]


@pytest.mark.parametrize("shape", [(1, 5), (2, 3, 4, 5), (1,), (1, 1, 1), (1, 300, 4)])
def test_any_shape_has_a_picture(shape):
    result = Attribution(values=np.random.default_rng(0).normal(size=shape), signed=True)
    assert drawn(result).axes


@pytest.mark.parametrize("kind", ["tokens", "series", "features", "volume"])
def test_a_base_that_does_not_fit_the_map_still_gives_a_picture(kind):
    base = Base(kind, None if kind == "tokens" else np.zeros((1, 2)), (("a", "b"),))
    assert drawn(Attribution(values=np.ones((1, 3, 4, 5, 6)), base=base)).axes
