"""Attribution to named features: a bar each, the largest first, with the value that the model was shown."""

import numpy as np

from pellucid.core.messages import message
from pellucid.render.static import measure
from pellucid.render.static.page import Canvas
from pellucid.render.static.theme import AGAINST, CURVES, FOR, Style
from pellucid.results import caption, spell
from pellucid.results.attribution import Attribution

EXAMPLES, MOST = 4, 15
BARS, ROW, HEAD, FOOT = 3.6, 0.235, 0.28, 0.42
NAME, VALUE = 8.5, 7
GAP = 0.1


def size(result: Attribution, style: Style) -> tuple[float, float]:
    """Inches that the drawing takes."""
    count = min(EXAMPLES, len(result.heat))
    return _left(result, style) + BARS + 0.7, count * (_rows(result) * ROW + FOOT + HEAD * (len(result.heat) > 1))


def draw(canvas: Canvas, result: Attribution) -> None:
    """Draw up to four examples under each other."""
    y = 0.0
    for i in range(min(EXAMPLES, len(result.heat))):
        if len(result.heat) > 1:
            words = (
                caption.said_target(result.targets[i], canvas.style.lang)
                if i < len(result.targets)
                else canvas.style.say(message("draw.example", number=i + 1))
            )
            canvas.text(0, y, words, 8.5, color=canvas.style.theme.muted)
            y += HEAD
        _bars(canvas, y, result, i)
        y += _rows(result) * ROW + FOOT


def _rows(result: Attribution) -> int:
    count = result.heat.shape[1]
    return min(count, MOST + 1)


def _name(result: Attribution, example: int, feature: int) -> str:
    base = result.base
    name = base.names[0][feature] if base is not None and base.names and feature < len(base.names[0]) else f"#{feature}"
    if base is None or base.values is None:
        return name
    return f"{name} = {spell.number(float(base.values[min(example, len(base.values) - 1), feature]))}"


def _left(result: Attribution, style: Style) -> float:
    names = [_name(result, i, j) for i in range(min(EXAMPLES, len(result.heat))) for j in _order(result, i)[0]]
    names.append(style.say(message("draw.more", count=1000)))
    return min(2.8, max(measure.width(measure.plain(name), NAME) for name in names)) + 0.15


def _order(result: Attribution, example: int) -> tuple[list[int], list[int]]:
    """The features that have a bar, largest first, and the others."""
    order = np.argsort(-np.abs(np.nan_to_num(result.heat[example])), kind="stable").tolist()
    return (order, []) if len(order) <= MOST + 1 else (order[:MOST], order[MOST:])


def _bars(canvas: Canvas, top: float, result: Attribution, example: int) -> None:
    style, left = canvas.style, _left(result, canvas.style)
    shown, others = _order(result, example)
    values = [float(result.heat[example, i]) for i in shown]
    names = [measure.shorten(_name(result, example, i), left - 0.15, NAME) for i in shown]
    if others:
        values.append(float(np.nansum(result.heat[example, others])))
        names.append(style.say(message("draw.more", count=len(others))))
    axes = canvas.axes(left, top, BARS, len(values) * ROW, frame=True)
    colours = [(FOR if value >= 0 else AGAINST) if result.heat_signed else CURVES[0] for value in values]
    places = np.arange(len(values))
    axes.barh(places, np.nan_to_num(values), height=0.68, color=colours)
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_yticks(places, [measure.plain(name) for name in names], fontsize=canvas.font(NAME), color=style.theme.ink)
    axes.tick_params(axis="y", length=0)
    axes.axvline(0, color=style.theme.muted, linewidth=0.7)
    reach = float(np.nanmax(np.abs([*values, 0.0]))) or 1.0
    axes.set_xlim(*_span(np.nan_to_num(values), [measure.width(spell.number(value), VALUE) for value in values]))
    for place, value in enumerate(values):
        axes.text(
            np.nan_to_num(value) + (0.015 if value >= 0 else -0.015) * reach,
            place,
            spell.number(value),
            ha="left" if value >= 0 else "right",
            va="center_baseline",
            fontsize=canvas.font(VALUE),
            color=style.theme.muted,
        )
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel(style.say(result.unit), fontsize=canvas.font(8), color=style.theme.muted)


def _span(values: np.ndarray, widths: list[float]) -> tuple[float, float]:
    """The ends of the axis at which every number, that many inches wide, has its place beyond its bar."""
    left = [(-value, width + GAP) for value, width in zip(values, widths, strict=True) if value < 0]
    right = [(value, width + GAP) for value, width in zip(values, widths, strict=True) if value >= 0]
    low, high = (max((length for length, _ in side), default=0.0) for side in (left, right))
    if not low and not high:
        return 0.0, 1.0
    for _ in range(20):
        scale = (low + high) / BARS
        low, high = (max((length + width * scale for length, width in side), default=0.0) for side in (left, right))
    return -low, high
