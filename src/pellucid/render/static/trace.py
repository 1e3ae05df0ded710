"""Attribution on a series: the curve of each channel, and beneath it the heat over the same time."""

import numpy as np

from pellucid.core.messages import message
from pellucid.render.static import measure
from pellucid.render.static.colour import ROOM, bar, painted
from pellucid.render.static.page import Canvas
from pellucid.render.static.theme import Style
from pellucid.results import caption
from pellucid.results.attribution import Attribution

MOST, CHANNELS = 4, 6
WIDTH, CURVE, HEAT, GAP, HEAD, FOOT, LEFT = 6.4, 0.8, 0.2, 0.1, 0.26, 0.3, 0.5


def size(result: Attribution, style: Style) -> tuple[float, float]:
    """Inches that the drawing takes."""
    del style
    count = min(MOST, len(result.heat))
    return LEFT + WIDTH + ROOM, count * _height(result) + (count - 1) * GAP


def draw(canvas: Canvas, result: Attribution) -> None:
    """Draw up to four examples under each other."""
    height = _height(result)
    for i in range(min(MOST, len(result.heat))):
        _example(canvas, i * (height + GAP), result, i)
    if result.scale is not None:
        bar(canvas, LEFT + WIDTH + 0.1, HEAD * (len(result.heat) > 1), max(1.1, min(height - FOOT, 2.4)), result.scale)


def _height(result: Attribution) -> float:
    return HEAD * (len(result.heat) > 1) + _channels(result) * (CURVE + 0.05) + HEAT + FOOT


def _channels(result: Attribution) -> int:
    values = result.base.values if result.base is not None else None
    return min(CHANNELS, values.shape[1]) if values is not None else 0


def _example(canvas: Canvas, top: float, result: Attribution, index: int) -> None:
    theme, heat, scale = canvas.style.theme, result.heat[index], result.scale
    values = result.base.values if result.base is not None else None
    names = result.base.names[0] if result.base is not None and result.base.names else ()
    y = top
    if len(result.heat) > 1:
        words = (
            caption.said_target(result.targets[index], canvas.style.lang)
            if index < len(result.targets)
            else canvas.style.say(message("draw.example", number=index + 1))
        )
        canvas.text(LEFT, y, measure.shorten(words, WIDTH, 8.5), 8.5, color=theme.muted)
        y += HEAD
    for channel in range(_channels(result)):
        axes = canvas.axes(LEFT, y, WIDTH, CURVE, frame=True)
        if values is not None:
            curve = values[min(index, len(values) - 1), channel]
            axes.plot(np.arange(heat.size), curve, color=theme.ink, linewidth=0.9)
            axes.margins(y=0.08)
            if channel < len(names):
                low, high = axes.get_ylim()
                axes.set_ylim(low, high + 0.3 * (high - low))
        axes.set_xlim(-0.5, heat.size - 0.5)
        axes.set_xticks([])
        axes.locator_params(axis="y", nbins=3)
        if channel < len(names):
            canvas.text(LEFT + 0.06, y + 0.02, measure.shorten(names[channel], WIDTH / 2, 7.5), 7.5, color=theme.muted)
        y += CURVE + 0.05
    axes = canvas.axes(LEFT, y, WIDTH, HEAT, frame=True)
    axes.set_yticks([])
    if scale is not None:
        axes.imshow(
            painted(heat[None], scale, canvas.style),
            aspect="auto",
            interpolation="auto",
            extent=(-0.5, heat.size - 0.5, 0, 1),
        )
    axes.set_xlim(-0.5, heat.size - 0.5)
