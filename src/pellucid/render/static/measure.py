"""How wide words are, and how they break."""

import re
import warnings
from functools import lru_cache

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pellucid.render.static.fonts import families

POINTS = 72.0
LINE = 1.3
_PIECES = re.compile(r"[\u2e80-\u9fff\uff00-\uffef]|[^\s\u2e80-\u9fff\uff00-\uffef]+|\s+")
_NO_START = "，。；：、）！？”"


@lru_cache(maxsize=1)
def _scratch() -> Figure:
    figure = Figure(figsize=(1, 1), dpi=POINTS)
    FigureCanvasAgg(figure)
    return figure


@lru_cache(maxsize=20_000)
def width(words: str, size: float, weight: str = "normal") -> float:
    """Width in inches of one line of words at `size` points."""
    if not words:
        return 0.0
    figure = _scratch()
    text = figure.text(0, 0, words.replace("$", r"\$"), fontsize=20, fontweight=weight, fontfamily=families())
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from", category=UserWarning)
        extent = text.get_window_extent(figure.canvas.get_renderer())  # pyright: ignore[reportAttributeAccessIssue]
    text.remove()
    return float(extent.width) / POINTS * size / 20


def height(lines: int, size: float) -> float:
    """Height in inches of so many lines."""
    return lines * size * LINE / POINTS


def wrap(words: str, room: float, size: float) -> list[str]:
    """Lines no wider than `room` inches; breaks at spaces and between Chinese characters."""
    lines, line = [], ""
    for piece in _PIECES.findall(words):
        if line and width((line + piece).rstrip(), size) > room and piece not in _NO_START:
            lines.append(line.rstrip())
            line = ""
        line += piece if line else piece.lstrip()
    return [*lines, line.rstrip()] if line.strip() else lines


def shorten(words: str, room: float, size: float, weight: str = "normal") -> str:
    """The words with an ellipsis in the middle, so that both ends of a long address stay."""
    if width(words, size, weight) <= room:
        return words
    keep = len(words)
    while keep > 2:
        keep -= max(1, keep // 12)
        cut = f"{words[: (keep + 1) // 2].rstrip()}…{words[len(words) - keep // 2 :].lstrip()}"
        if width(cut, size, weight) <= room:
            return cut
    return words[:1] + "…"


def shorten_about(words: str, room: float, size: float) -> str:
    """The words with an ellipsis at their ends, so that what stands in « » stays; without such a mark as `shorten`."""
    before, opened, rest = words.partition("«")
    marked, closed, after = rest.partition("»")
    middle = f"{opened}{marked}{closed}"
    if not closed or width(f"…{middle}…", size) > room:
        return shorten(words, room, size)
    left, right, cut = before, after, words
    while width(cut, size) > room:
        left, right = (left[1:], right) if len(left) >= len(right) else (left, right[:-1])
        cut = f"{left if left == before else '…' + left.lstrip()}{middle}"
        cut += right if right == after else right.rstrip() + "…"
    return cut


def plain(words: str) -> str:
    """Words that matplotlib does not read as mathematics, on one line."""
    return " ".join(words.replace("$", r"\$").split())
