"""How results look in a notebook: the picture, and words where pictures do not show."""

from collections.abc import Iterable
from typing import Any

from pellucid.results.result import Result


def mimebundle(
    result: Result, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
) -> dict[str, Any]:
    """The result as `text/plain` (its description) and `image/png` (its picture), as IPython asks for it.

    Args:
        result: what to show.
        include: mime types to give alone.
        exclude: mime types to leave out.
    """
    makers = {"text/plain": result.describe, "image/png": lambda: _picture(result)}
    wanted = set(include) if include else set(makers)
    wanted -= set(exclude or ())
    return {mime: maker() for mime, maker in makers.items() if mime in wanted}


def _picture(result: Result) -> bytes:
    from pellucid.render.static import picture

    return picture(result, "png")
