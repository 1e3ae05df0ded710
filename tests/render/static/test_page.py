import pytest
from matplotlib.figure import Figure

from pellucid.core.errors import BadRequest
from pellucid.render.static.page import MARGIN, Canvas, Words, inside, page
from pellucid.render.static.theme import THEMES, Style

LIGHT, DARK = (Style(THEMES[name]) for name in ("light", "dark"))


def test_the_body_has_its_size_whatever_the_words():
    for words in (Words("a"), Words("a long title " * 20, "sub " * 60, "caption " * 90, "source")):
        canvas = page(words, (5, 2), LIGHT)
        left, bottom, width, height = canvas.place(0, 0, 5, 2)
        whole, tall = canvas.figure.get_size_inches()
        assert (width * whole, height * tall) == pytest.approx((5, 2))
        assert left * whole >= MARGIN
        assert bottom > 0
        assert (bottom + height) < 1


def test_a_narrow_body_may_stand_in_the_middle():
    left, middle = (page(Words("a"), (2, 1), LIGHT, centred=centred).left for centred in (False, True))
    assert middle > left


def test_a_canvas_counts_from_the_upper_left():
    canvas = Canvas(Figure(figsize=(10, 5)), 1, 1, 2, LIGHT)
    assert canvas.place(1, 0, 1, 1) == pytest.approx((0.3, 0.4, 0.2, 0.4))
    assert canvas.font(8) == 8
    assert Canvas(canvas.figure, 0, 0, 0.5, LIGHT).font(8) == 4


def test_dollars_are_no_mathematics():
    text = page(Words("a"), (2, 1), LIGHT).text(0, 0, "cost $5 $6")
    assert text.get_text() == r"cost \$5 \$6"


def test_axes_are_bare_unless_framed():
    canvas = page(Words("a"), (2, 1), LIGHT)
    assert not any(spine.get_visible() for spine in canvas.axes(0, 0, 1, 1).spines.values())
    assert canvas.axes(0, 0, 1, 1, frame=True).spines["left"].get_visible()


def test_a_plane_is_measured_in_inches_downward():
    plane = page(Words("a"), (4, 2), LIGHT).plane(4, 2)
    assert (plane.get_xlim(), plane.get_ylim()) == ((0, 4), (2, 0))


def test_given_axes_keep_the_drawing_within():
    figure = Figure(figsize=(8, 4))
    axes = figure.add_axes((0.5, 0.25, 0.25, 0.5))
    canvas = inside(axes, Words("A title"), (4, 1), DARK)
    assert canvas.zoom == pytest.approx(0.5)
    assert canvas.place(0, 0, 4, 1) == pytest.approx((0.5, 0.4375, 0.25, 0.125))
    assert axes.get_title() == "A title"
    assert figure.artists


def test_axes_without_a_figure_are_refused():
    figure = Figure()
    axes = figure.subplots()
    axes.remove()
    with pytest.raises(BadRequest, match="no figure"):
        inside(axes, Words("a"), (1, 1), LIGHT)
