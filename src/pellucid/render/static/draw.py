"""From a result to a figure, a file or a window."""

import io
import logging
import sys
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from pellucid.render.static import attribution, fonts, gallery, graph, matrix, points, series, table
from pellucid.render.static.page import Words, inside, page
from pellucid.render.static.theme import Style, theme_named
from pellucid.results import caption
from pellucid.results.attribution import Attribution
from pellucid.results.result import Result

KINDS: dict[str, ModuleType] = {
    "attribution": attribution,
    "gallery": gallery,
    "matrix": matrix,
    "graph": graph,
    "series": series,
    "points": points,
    "table": table,
}
# The user's own matplotlib settings change no picture, and the same result gives the same bytes.
_FIXED = {
    "svg.fonttype": "none",
    "svg.hashsalt": "pellucid",
    "pdf.fonttype": 42,
    "axes.unicode_minus": True,
    "text.usetex": False,
    "text.hinting": "no_hinting",
}
_DATES = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}


@contextmanager
def settings() -> Generator[None]:
    """Matplotlib as it comes, with fonts for Chinese; a character that no font has is drawn as a box, silently."""
    defaults = {key: value for key, value in mpl.rcParamsDefault.items() if not key.startswith(("backend", "date."))}
    log = logging.getLogger("matplotlib.font_manager")  # it says that a Chinese font has no bold weight
    level = log.level
    log.setLevel(logging.ERROR)
    with warnings.catch_warnings(), mpl.rc_context():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from", category=UserWarning)
        dict.update(mpl.rcParams, {**defaults, **_FIXED, "font.family": fonts.families()})
        try:
            yield
        finally:
            log.setLevel(level)


def draw(result: Result, ax: Any = None, *, theme: str = "light", lang: str = "en", cmap: str | None = None) -> Figure:
    """See `Result.figure`."""
    style = Style(theme_named(theme), fonts.language(lang), cmap)
    kind = KINDS[result.kind]
    with settings():
        size = kind.size(result, style)
        words = words_around(result, style, kind.remark(result, style))
        canvas = (
            page(words, size, style, centred=result.kind == "graph") if ax is None else inside(ax, words, size, style)
        )
        kind.draw(canvas, result)
        if ax is None:
            canvas.figure.draw_without_rendering()  # ticks are made with these fonts, not with those of a later moment
    return canvas.figure


def words_around(result: Result, style: Style, remark: str) -> Words:
    """Title, subtitle and caption; `remark` is what the drawing itself has to say (how many are left out)."""
    said = caption.caption(result, style.lang, style.cmap if result.scale else None)
    if isinstance(result, Attribution) and attribution.is_overlay(result):
        said = (
            said.removesuffix("。").removesuffix(".")
            + ("；" if style.lang == "zh" else "; ")
            + style.say(attribution.OVERLAY)
            + ("。" if style.lang == "zh" else ".")
        )
    gap = "" if style.lang == "zh" else " "
    notes = gap.join(style.say(note) for note in result.notes)
    return Words(
        caption.title(result, style.lang),
        caption.subtitle(result, style.lang),
        gap.join(part for part in (remark, said, notes) if part),
        caption.source(result),
    )


def write(figure: Figure, format: str, dpi: int) -> bytes:  # noqa: A002
    """A figure as the bytes of a file, without the date."""
    target = io.BytesIO()
    with settings():
        figure.savefig(target, format=format, dpi=dpi, metadata=_DATES[format], facecolor=figure.get_facecolor())
    return target.getvalue()


def show_figure(figure: Figure) -> None:
    """In a notebook as its output; else in a window of matplotlib's backend."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None:
        from IPython.display import Image, display  # pyright: ignore[reportMissingImports]

        display(Image(write(figure, "png", 200), width=int(figure.get_figwidth() * 100)))
        return
    import matplotlib.pyplot as plt

    if plt.get_backend().lower() in ("agg", "pdf", "svg", "ps", "cairo", "template"):
        warnings.warn("There is no screen to show the picture on; result.save('picture.png') writes it.", stacklevel=4)
        return
    manager = plt.figure(figsize=figure.get_size_inches()).canvas.manager
    if manager is not None:
        manager.canvas.figure = figure
        figure.set_canvas(manager.canvas)
    plt.show()
