import numpy as np
from matplotlib.patches import FancyBboxPatch

from pellucid.render.static import tokens
from pellucid.render.static.tokens import shown
from pellucid.results import Base
from tests.render.static.drawing import STYLE, drawn, words
from tests.results import samples


def test_every_token_is_a_box_in_the_colour_of_its_value():
    figure = drawn(tokens, samples.tokens())
    boxes = figure.findobj(FancyBboxPatch)
    assert len(boxes) == 7
    red, _, blue, _ = boxes[4].get_facecolor()
    assert red > 2 * blue
    assert np.allclose(boxes[1].get_facecolor()[:3], 0.97, atol=0.02)
    assert {"[CLS]", "wonderful", "1.5", "-0.2", "0", "␣"} <= set(words(figure))


def test_padding_of_a_shorter_text_is_not_drawn():
    base = Base("tokens", None, (("a", "b", "c"), ("d",)))
    figure = drawn(tokens, samples.tokens(values=np.ones((2, 3)), base=base, targets=()))
    assert len(figure.findobj(FancyBboxPatch)) == 4
    assert "example 2" in words(figure)


def test_a_long_text_takes_more_lines():
    long = samples.tokens(values=np.ones((1, 60)), base=Base("tokens", None, (("word",) * 60,)))
    assert tokens.size(long, STYLE)[1] > tokens.size(samples.tokens(), STYLE)[1] + 1


def test_spaces_are_made_visible():
    assert [shown(token) for token in ("a", " a", "", "  ", "\n")] == ["a", " a", "␣", "␣␣", "⏎"]


def test_texts_from_right_to_left_begin_at_the_right():
    names = (("[CLS]", "السلام", " عليكم"),)
    flow = tokens._flow(samples.tokens(values=np.ones((1, 3)), base=Base("tokens", None, names)), 0)
    assert [one.index for one in flow] == [0, 1, 2] and flow[0].x > flow[1].x > flow[2].x > 0
    assert abs(flow[0].x + flow[0].width - tokens.WIDTH) < 1e-9
