"""Attribution on a volume: slices along its first axis, as they are and with the heat over them."""

import numpy as np

from pellucid.core.messages import message
from pellucid.render.static.colour import ROOM, bar, overlay
from pellucid.render.static.page import Canvas
from pellucid.render.static.theme import Style
from pellucid.results.attribution import Attribution

MOST = 6
TILE, GAP, HEAD = 1.25, 0.08, 0.24


def size(result: Attribution, style: Style) -> tuple[float, float]:
    """Inches that the drawing takes."""
    del style
    return len(_slices(result)) * (TILE + GAP) + ROOM, HEAD + 2 * _height(result) + GAP


def remark(result: Attribution, style: Style) -> str:
    """Which slices and which example these are."""
    words = [message("draw.slices", shown=len(_slices(result)), total=result.heat.shape[1])]
    if len(result.heat) > 1:
        words.append(message("caption.first", shown=1, total=len(result.heat)))
    return " ".join(style.say(word) + style.say(message("list.stop")) for word in words)


def draw(canvas: Canvas, result: Attribution) -> None:
    """Draw slices of the first example: those with most heat, in order."""
    scale, height = result.scale, _height(result)
    if scale is None or result.base is None or result.base.values is None:
        return
    body = np.asarray(result.base.values[0], dtype=np.float64).mean(0)
    low, high = float(np.nanmin(body)), float(np.nanmax(body))
    body = (body - low) / ((high - low) or 1.0)
    for column, index in enumerate(_slices(result)):
        x = column * (TILE + GAP)
        canvas.text(
            x,
            HEAD - 0.05,
            canvas.style.say(message("draw.slice", number=index)),
            8,
            va="bottom",
            color=canvas.style.theme.muted,
        )
        grey = np.repeat(body[index][..., None], 3, axis=-1)
        canvas.axes(x, HEAD, TILE, height).imshow(grey, aspect="auto", vmin=0, vmax=1)
        canvas.axes(x, HEAD + height + GAP, TILE, height).imshow(
            overlay(grey, result.heat[0, index], scale, canvas.style), aspect="auto"
        )
    bar(canvas, len(_slices(result)) * (TILE + GAP) + 0.02, HEAD, 2 * height + GAP, scale)


def _height(result: Attribution) -> float:
    rows, columns = result.heat.shape[-2:]
    return TILE * min(2.0, max(0.4, rows / columns))


def _slices(result: Attribution) -> list[int]:
    weight = np.abs(np.nan_to_num(result.heat[0])).sum((1, 2))
    return sorted(np.argsort(-weight, kind="stable")[:MOST].tolist())
