"""One kind drawn on a page of its own."""

import matplotlib as mpl

from pellucid.render.static.page import Words, page
from pellucid.render.static.theme import THEMES, Style

STYLE = Style(THEMES["light"])


def drawn(module, result, style=STYLE):
    canvas = page(Words("t"), module.size(result, style), style)
    module.draw(canvas, result)
    return canvas.figure


def words(figure):
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]
