"""Series: lines, bars, stacks or histograms over one axis, named at their right."""

import math

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.messages import message
from pellucid.render.static import measure
from pellucid.render.static.page import Canvas
from pellucid.render.static.theme import CURVES, PICK, Style
from pellucid.results.series import Series

WIDTH, HEIGHT = 5.6, 3.0
LEFT, FOOT, NAMES = 0.72, 0.5, 14
NAME, LABEL = 8.0, 7.5
ADDRESS = 1.9  # inches that the address of a layer may take


def size(result: Series, style: Style) -> tuple[float, float]:
    """Inches that the drawing takes."""
    return LEFT + WIDTH + _right(result, style), 0.12 + HEIGHT + _foot(result)


def remark(result: Series, style: Style) -> str:
    """How many names the legend leaves out."""
    more = len(result.curves) - NAMES
    return style.say(message("draw.more", count=more)) + style.say(message("list.stop")) if more > 0 else ""


def draw(canvas: Canvas, result: Series) -> None:
    """Draw every curve."""
    chart(canvas, result, (LEFT, 0.12, WIDTH, HEIGHT))


def chart(canvas: Canvas, result: Series, box: tuple[float, float, float, float]) -> None:
    """The curves in a box of inches, the legend at its right."""
    style = canvas.style
    axes = canvas.axes(*box, frame=True)
    axes.grid(visible=True, axis="y", color=style.theme.line, linewidth=0.5, alpha=0.7)
    axes.set_axisbelow(True)
    curves = list(result.curves.items())
    if not any(np.isfinite(curve).any() for _, curve in curves):
        canvas.text(
            box[0] + box[2] / 2,
            box[1] + box[3] / 2,
            style.say(message("draw.nothing")),
            9,
            ha="center",
            va="center",
            color=style.theme.muted,
        )
        return
    log = result.log and any((curve[np.isfinite(curve)] > 0).any() for _, curve in curves)  # of zeros there is none
    if log:
        axes.set_yscale("log", nonpositive="mask")
        axes.minorticks_off()
    colours = _colours(len(curves))
    wide = [np.asarray(curve, dtype=np.float64) for _, curve in curves]
    names = [style.say(result.called(name)) for name, _ in curves]
    if result.style == "stack":
        _stack(axes, result, wide, colours, style.theme.ink)
        names, colours = [*names, style.say(message("draw.sum"))], [*colours, style.theme.ink]
    else:
        for i, curve in enumerate(wide):
            _curve(axes, result, curve, i, colours[i])
    if not result.labels and result.style != "histogram":
        _whole_ticks(axes, _places(result, wide[0].shape[-1]))
    _horizontal(canvas, axes, result, box[2])
    if not log and result.style != "line":
        axes.axhline(0, color=style.theme.muted, linewidth=0.6)
    axes.set_ylabel(style.say(result.unit), fontsize=canvas.font(8), color=style.theme.muted)
    if result.position_unit:
        axes.set_xlabel(style.say(result.position_unit), fontsize=canvas.font(8), color=style.theme.muted)
    _marks(canvas, axes, result)
    if len(names) > 1:
        _legend(canvas, names, colours, box)
    elif curves[0][0]:
        name = measure.shorten(names[0], 1.7, NAME)
        canvas.text(box[0] + box[2] + 0.12, box[1], name, NAME, color=style.theme.muted)


def _places(result: Series, count: int) -> np.ndarray:
    return (
        np.asarray(result.positions, dtype=np.float64)
        if len(result.positions) == count and not result.labels
        else np.arange(count, dtype=np.float64)
    )


def _whole_ticks(axes: Axes, places: np.ndarray) -> None:
    """Ranks, steps and layers are counted: between two of them there is nothing to name."""
    if len(places) and bool((places == np.round(places)).all()):
        axes.locator_params(axis="x", integer=True)


def _curve(axes: Axes, result: Series, curve: np.ndarray, index: int, colour: str) -> None:
    places = _places(result, curve.shape[-1])
    step = float(np.min(np.diff(np.unique(places)))) if len(np.unique(places)) > 1 else 1.0
    if result.style == "bar":
        count = len(result.curves)
        axes.bar(
            places + (index - (count - 1) / 2) * 0.8 * step / count,
            np.nan_to_num(curve),
            0.8 * step / count,
            color=colour,
            linewidth=0,
        )
    elif result.style == "histogram":
        axes.fill_between(places, np.nan_to_num(curve), step="mid", color=colour, alpha=0.28, linewidth=0)
        axes.step(places, curve, where="mid", color=colour, linewidth=1.2)
    else:
        few = curve.shape[-1] <= 24
        axes.plot(places, curve, color=colour, linewidth=1.5, marker="o" if few else None, markersize=3)
        alone = (
            np.isfinite(curve)
            & ~np.isfinite(np.pad(curve, 1, constant_values=np.nan)[:-2])
            & ~np.isfinite(np.pad(curve, 1, constant_values=np.nan)[2:])
        )
        if alone.any() and not few:
            joined = "o-" if alone.sum() == np.isfinite(curve).sum() else "o"  # of measurements that are few by intent
            axes.plot(places[alone], curve[alone], joined, color=colour, linewidth=1.0, markersize=2.5)


def _stack(axes: Axes, result: Series, curves: list[np.ndarray], colours: list[str], ink: str) -> None:
    """Bars on top of each other, positive ones upward from zero, negative ones downward; their sum as a line."""
    places = _places(result, curves[0].shape[-1])
    up, down = np.zeros(len(places)), np.zeros(len(places))
    for curve, colour in zip(curves, colours, strict=True):
        height = np.nan_to_num(curve)
        bottom = np.where(height >= 0, up, down)
        axes.bar(places, height, 0.64, bottom=bottom, color=colour, linewidth=0)
        up, down = up + np.maximum(height, 0), down + np.minimum(height, 0)
    axes.plot(places, up + down, color=ink, linewidth=1.2, marker="o", markersize=3)


def _colours(count: int) -> list[str]:
    if count <= len(CURVES):
        return list(CURVES[:count])
    import matplotlib as mpl
    from matplotlib.colors import to_hex

    return [to_hex(mpl.colormaps["viridis"](0.12 + 0.76 * i / (count - 1))) for i in range(count)]


def _horizontal(canvas: Canvas, axes: Axes, result: Series, width: float) -> None:
    if not result.labels:
        axes.locator_params(axis="x", nbins=8)
        return
    count = len(result.labels)
    every = max(1, math.ceil(count * 0.15 / width))
    shown = range(0, count, every)
    names = [measure.plain(measure.shorten(result.labels[i], ADDRESS, LABEL)) for i in shown]
    level = max(measure.width(name, LABEL) for name in names) < width / max(count, 1) * every - 0.06
    axes.set_xticks(list(shown), names, rotation=0 if level else 90, fontsize=canvas.font(LABEL))
    axes.set_xlim(-0.6, count - 0.4)


def _foot(result: Series) -> float:
    if not result.labels:
        return FOOT
    longest = max(measure.width(measure.plain(measure.shorten(name, ADDRESS, LABEL)), LABEL) for name in result.labels)
    return FOOT + (longest if longest > WIDTH / len(result.labels) - 0.06 else 0.0)


def _marks(canvas: Canvas, axes: Axes, result: Series) -> None:
    length = max(curve.shape[-1] for curve in result.curves.values())
    places = _places(result, length)
    many = len(result.marks) > 6
    for place, words in result.marks.items():
        if place < length:
            axes.axvline(places[place], color=PICK, linewidth=0.8, linestyle=(0, (3, 2)), alpha=0.5 if many else 0.9)
            if not many:
                axes.annotate(
                    measure.plain(canvas.style.say(words)),
                    (places[place], 0.99),
                    (-3, 0),
                    rotation=90,
                    va="top",
                    xycoords=axes.get_xaxis_transform(),
                    textcoords="offset points",
                    ha="right",
                    fontsize=canvas.font(7),
                    color=PICK,
                )
    if many:
        words = canvas.style.say(next(iter(result.marks.values())))
        axes.text(
            0.99,
            0.99,
            f"¦ {measure.plain(words)}",
            va="top",
            ha="right",
            fontsize=canvas.font(7),
            color=PICK,
            transform=axes.transAxes,
        )


def _legend(canvas: Canvas, names: list[str], colours: list[str], box: tuple[float, float, float, float]) -> None:
    chosen = (
        list(range(len(names)))
        if len(names) <= NAMES
        else sorted({round(k * (len(names) - 1) / (NAMES - 1)) for k in range(NAMES)})
    )
    x = box[0] + box[2] + 0.12
    for row, i in enumerate(chosen):
        y = box[1] + 0.02 + row * 0.2
        canvas.axes(x, y + 0.03, 0.16, 0.07).set_facecolor(colours[i])
        canvas.text(x + 0.22, y, measure.shorten(names[i], 1.7, NAME), NAME)


def _right(result: Series, style: Style) -> float:
    widest = max((measure.width(style.say(result.called(name)), NAME) for name in result.curves), default=0.0)
    return min(1.7, widest) + 0.4
