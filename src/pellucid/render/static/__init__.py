"""Results as still pictures with matplotlib; nothing here touches pyplot but `show`."""

from typing import Any, Literal

from pellucid.results.result import Result

Format = Literal["png", "svg", "pdf"]


def figure(result: Result, ax: Any = None, *, theme: str = "light", lang: str = "en", cmap: str | None = None) -> Any:
    """The picture of a result as a matplotlib `Figure`; see `Result.figure`."""
    from pellucid.render.static.draw import draw

    return draw(result, ax, theme=theme, lang=lang, cmap=cmap)


def picture(
    result: Result,
    format: Format = "png",  # noqa: A002
    theme: str = "light",
    lang: str = "en",
    cmap: str | None = None,
    dpi: int = 200,
) -> bytes:
    """The picture as a file: the same bytes for the same result; text stays text in svg and pdf.

    Args:
        result: what to draw.
        format: "png", "svg" or "pdf".
        theme: "light" or "dark".
        lang: "en" or "zh".
        cmap: another colour map of matplotlib.
        dpi: dots per inch of a png, and of the maps inside svg and pdf.
    """
    from pellucid.render.static.draw import write

    return write(figure(result, theme=theme, lang=lang, cmap=cmap), format, dpi)


def show(result: Result, *, theme: str = "light", lang: str = "en", cmap: str | None = None) -> None:
    """Show the picture in the notebook, or in a window where there is a screen."""
    from pellucid.render.static.draw import show_figure

    show_figure(figure(result, theme=theme, lang=lang, cmap=cmap))
