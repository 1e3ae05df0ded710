"""A drawing without the words around it, for a page that sets them as its own text."""

from typing import Literal

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from pellucid.render.static.draw import KINDS, settings, words_around
from pellucid.render.static.fonts import language
from pellucid.render.static.page import Canvas, Words
from pellucid.render.static.theme import Style, theme_named
from pellucid.results.result import Result

DENSITY = 2
DPI = 100 * DENSITY
EDGE = 0.04


def wordless(result: Result, theme: Literal["light", "dark"], lang: str) -> tuple[Image.Image, Words]:
    """The drawing at two dots per pixel of a page, and the words that would have stood around it.

    Args:
        result: what to draw; its notes are not among the words.
        theme: of the paper.
        lang: "en" or "zh".
    """
    style = Style(theme_named(theme), language(lang))
    kind = KINDS[result.kind]
    with settings():
        width, height = kind.size(result, style)
        figure = Figure(figsize=(width + 2 * EDGE, height + 2 * EDGE), dpi=DPI, facecolor=style.theme.paper)
        canvas = FigureCanvasAgg(figure)
        kind.draw(Canvas(figure, EDGE, EDGE, 1.0, style), result)
        canvas.draw()
    said = words_around(result.with_(notes=()), Style(style.theme, lang), kind.remark(result, Style(style.theme, lang)))
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]), said
