"""A drawing without the words around it, for a page that sets them as its own text."""

from typing import Literal

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pellucid.render.static.draw import KINDS, settings, words_around, write
from pellucid.render.static.fonts import language
from pellucid.render.static.page import Canvas, Words
from pellucid.render.static.theme import Style, theme_named
from pellucid.results.result import Result

DPI = 200
EDGE = 0.04


def wordless(result: Result, theme: Literal["light", "dark"], lang: str) -> tuple[bytes, Words]:
    """The drawing as PNG at 200 dots per inch, and the words that would have stood around it.

    Args:
        result: what to draw; its notes are not among the words.
        theme: of the paper.
        lang: "en" or "zh".
    """
    style = Style(theme_named(theme), language(lang))
    kind = KINDS[result.kind]
    with settings():
        width, height = kind.size(result, style)
        figure = Figure(figsize=(width + 2 * EDGE, height + 2 * EDGE), dpi=DPI / 2, facecolor=style.theme.paper)
        FigureCanvasAgg(figure)
        kind.draw(Canvas(figure, EDGE, EDGE, 1.0, style), result)
    said = words_around(result.with_(notes=()), Style(style.theme, lang), kind.remark(result, Style(style.theme, lang)))
    return write(figure, "png", DPI), said
