import io
import logging
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from pellucid.core.errors import BadSetting
from pellucid.core.text import Text
from pellucid.render.static.draw import KINDS, draw, settings, show_figure, words_around, write
from pellucid.render.static.theme import THEMES, Style
from pellucid.results import Attribution, Gallery, Graph, Matrix, Points, Series, Table
from tests.results import samples

EMPTY = {
    "attribution": Attribution(values=np.zeros((0, 3, 3))),
    "gallery": Gallery(values=np.zeros(0)),
    "matrix": Matrix(values=np.zeros((0, 0))),
    "graph": Graph(),
    "series": Series(),
    "table": Table(),
    "points": Points(values=np.zeros((0, 2))),
}


def words_of(figure):
    return [text for text in figure.findobj(mpl.text.Text) if text.get_text().strip() and text.get_visible()]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("kind", samples.KINDS)
def test_every_word_is_on_the_page(kind, theme):
    figure = draw(samples.KINDS[kind](), theme=theme)
    renderer = FigureCanvasAgg(figure).get_renderer()
    width, height = figure.get_size_inches() * figure.dpi
    with settings():
        for text in words_of(figure):
            box = text.get_window_extent(renderer)
            assert box.x0 > -1, text.get_text()
            assert box.y0 > -1, text.get_text()
            assert box.x1 < width + 1, text.get_text()
            assert box.y1 < height + 1, text.get_text()


@pytest.mark.parametrize("kind", samples.KINDS)
def test_words_of_the_page_do_not_overlap(kind):
    figure = draw(samples.KINDS[kind]())
    renderer = FigureCanvasAgg(figure).get_renderer()
    with settings():
        boxes = [(text.get_text(), text.get_window_extent(renderer).shrunk(0.98, 0.7)) for text in figure.texts]
    for i, (name, box) in enumerate(boxes):
        for other, beside in boxes[:i]:
            assert not box.overlaps(beside), (name, other)


@pytest.mark.parametrize("kind", EMPTY)
def test_nothing_to_draw_is_drawn(kind):
    assert write(draw(EMPTY[kind]), "png", 50).startswith(b"\x89PNG")
    assert EMPTY[kind].describe()


@pytest.mark.parametrize("kind", samples.KINDS)
def test_into_given_axes(kind):
    figure = Figure(figsize=(6, 3))
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    assert draw(samples.KINDS[kind](), right) is figure
    box, untouched = right.get_position(), left.get_position()
    mine = [axes.get_position() for axes in figure.axes if axes not in (left, right)]
    assert mine
    for place in mine:
        assert place.x0 > untouched.x1
        assert place.x1 < box.x1 + 0.02
    assert left.axison
    assert right.get_title()


def test_data_have_the_same_colours_on_both_papers():
    def colours(theme):
        return [image.get_array() for axes in draw(samples.matrix(), theme=theme).axes for image in axes.images]

    assert all(np.array_equal(light, dark) for light, dark in zip(colours("light"), colours("dark"), strict=True))
    papers = {
        theme: Image.open(io.BytesIO(write(draw(samples.matrix(), theme=theme), "png", 50))).getpixel((1, 1))[:3]
        for theme in THEMES
    }
    assert papers == {"light": (255, 255, 255), "dark": (23, 24, 28)}


def test_the_settings_of_the_user_change_nothing_and_stay():
    plain = write(draw(samples.series()), "png", 60)
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.facecolor": "red", "axes.grid": True}):
        assert write(draw(samples.series()), "png", 60) == plain
        assert mpl.rcParams["font.size"] == 30


def test_the_log_of_fonts_is_left_as_it_was():
    log = logging.getLogger("matplotlib.font_manager")
    level = log.level
    with pytest.raises(KeyError), settings():
        raise KeyError
    assert log.level == level


def test_the_words_around():
    style = Style(THEMES["light"])
    words = words_around(samples.attribution(notes=(Text("Read me.", "读我。"),)), style, "The first 4 of 9 are shown.")
    assert words.title == "Grad-CAM · layer4"
    assert words.subtitle == "tabby, probability 0.71, predicted · resnet18"
    assert words.caption.startswith("The first 4 of 9 are shown. Colours: 0 to ")
    assert "map 7×7, enlarged 4× (bilinear); the more opaque, the larger the absolute value." in words.caption
    assert words.caption.endswith("Read me.")
    assert words.source == "grad_cam · Selvaraju et al. 2017, arXiv:1610.02391 · torch 2.14"


def test_jet_on_request_is_said():
    words = words_around(samples.matrix(), Style(THEMES["light"], "en", "jet"), "")
    assert "jet by request" in words.caption
    plain, jet = (draw(samples.matrix(), cmap=cmap).axes[0].images[0].get_array() for cmap in (None, "jet"))
    assert not np.array_equal(plain, jet)


@pytest.mark.parametrize("wrong", [{"theme": "sepia"}, {"cmap": "rainbows"}])
def test_unknown_theme_or_map(wrong):
    with pytest.raises(BadSetting):
        draw(samples.matrix(), **wrong)


def test_every_kind_can_say_size_and_remark():
    assert set(KINDS) == {make().kind for make in samples.KINDS.values()}
    for make in samples.KINDS.values():
        module = KINDS[make().kind]
        assert all(length > 0 for length in module.size(make(), Style(THEMES["light"])))
        assert isinstance(module.remark(make(), Style(THEMES["light"])), str)


def test_without_a_screen_showing_only_warns():
    with pytest.warns(UserWarning, match="no screen"):
        show_figure(draw(samples.matrix()))


def test_drawing_needs_no_torch_and_no_pyplot(tmp_path):
    code = (
        "import sys; sys.path[:0] = ['src', '.']\n"
        "from tests.results import samples\n"
        "samples.attribution().save(sys.argv[1])\n"
        "assert 'torch' not in sys.modules and 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.png")], check=True)
