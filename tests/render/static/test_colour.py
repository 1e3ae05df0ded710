import numpy as np
import pytest
from matplotlib.colors import to_rgb

from pellucid.core.errors import BadSetting
from pellucid.render.static.colour import bar, colours, ink_on, overlay, painted
from pellucid.render.static.page import Words, page
from pellucid.render.static.theme import BAD, THEMES, Style
from pellucid.results.scale import Scale

STYLE = Style(THEMES["light"])
SIGNED = Scale(-2.0, 2.0, "RdBu_r", 0.0)
PLAIN = Scale(0.0, 4.0, "viridis")


def test_red_is_for_blue_is_against_white_is_zero():
    against, nothing, speaks_for = painted(np.array([-2.0, 0.0, 2.0]), SIGNED, STYLE)
    assert speaks_for[0] > 3 * speaks_for[2]
    assert against[2] > 3 * against[0]
    assert (nothing > 0.95).all()


def test_what_is_not_finite_is_grey():
    assert painted(np.array([np.nan]), PLAIN, STYLE)[0] == pytest.approx(to_rgb(BAD))


def test_another_map_on_request():
    assert colours(PLAIN, Style(THEMES["light"], cmap="jet")).name == "jet"
    with pytest.raises(BadSetting, match=r"(?s)viridos.*viridis"):
        colours(PLAIN, Style(THEMES["light"], cmap="viridos"))


def test_an_overlay_shows_the_picture_where_the_map_is_zero():
    beneath = np.full((1, 3, 3), 0.5)
    mixed = overlay(beneath, np.array([[0.0, 4.0, np.nan]]), PLAIN, STYLE)
    assert mixed[0, 0] == pytest.approx([mixed[0, 0, 0]] * 3)
    assert abs(mixed[0, 1] - painted(np.array(4.0), PLAIN, STYLE)).max() < 0.1
    assert mixed[0, 2] == pytest.approx(to_rgb(BAD))
    signed = overlay(beneath, np.zeros((1, 3)), SIGNED, STYLE)[0, 0]
    assert signed == pytest.approx([signed[0]] * 3) and 0.46 < mixed[0, 0, 0] < signed[0] < 0.96


@pytest.mark.parametrize(
    ("colour", "ink"), [((1, 1, 1), "#000000"), ((0.2, 0, 0.1), "#ffffff"), ((0.99, 0.9, 0.2), "#000000")]
)
def test_ink_reads_on_its_colour(colour, ink):
    assert ink_on(np.array(colour)) == ink


@pytest.mark.parametrize(
    ("scale", "ticks"),
    [
        pytest.param(PLAIN, ["0", "2", "4"], id="plain"),
        pytest.param(Scale(-2.0, 2.0, "RdBu_r", 0.0, clipped=99.0), ["≤ -2", "0", "≥ 2"], id="clipped"),
        pytest.param(Scale(0.0, 2.0, "inferno", clipped=99.0), ["0", "1", "≥ 2"], id="clipped above"),
        pytest.param(Scale(-2.0, 2.0, "RdBu_r", 0.0, "image"), ["−max", "0", "+max"], id="own"),
    ],
)
def test_the_bar_names_limits_unit_and_scope(scale, ticks):
    canvas = page(Words("t"), (3, 3), STYLE)
    axes = bar(canvas, 0, 0, 3, Scale(**{**vars(scale), "unit": "logit"}))
    assert [label.get_text() for label in axes.get_yticklabels()] == ticks
    assert axes.get_ylabel().startswith("logit · ")
