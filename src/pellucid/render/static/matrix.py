"""Matrix: one with labels and numbers, or many small ones on one scale."""

import math
import re
from types import ModuleType
from typing import Any
from unicodedata import category

import numpy as np
from matplotlib.axes import Axes

from pellucid.core.messages import message
from pellucid.core.text import Text
from pellucid.render.static import measure, mosaic, strips
from pellucid.render.static.axis import axis_name
from pellucid.render.static.colour import ROOM, bar, ink_on, painted
from pellucid.render.static.page import Canvas
from pellucid.render.static.theme import Style
from pellucid.results import spell
from pellucid.results.matrix import Matrix

MOST, FEW = 64, 4
LABEL, NAME = 7.5, 7.5
GAP, HEAD, AXIS = 0.12, 0.2, 0.2
LABELS, ROW, SOME = 64, 0.108, 24
UPRIGHT, LEAST = 0.12, 0.105


def size(result: Matrix, style: Style) -> tuple[float, float]:
    """Inches that the drawing takes."""
    if (other := _other(result)) is not None:
        return other.size(result, style)
    if not _panels(result).size:
        return 3.0, 0.4
    left, foot = _margins(result, style)
    width, height = _cell(result)
    columns, rows = _grid(result)
    head = HEAD if columns * rows > 1 else 0
    return left + columns * (width + GAP) - GAP + ROOM, rows * (height + GAP + head) - GAP + foot


def remark(result: Matrix, style: Style) -> str:
    """How many matrices are left out."""
    if (other := _other(result)) is not None:
        return other.remark(result, style)
    total = int(np.prod(result.values.shape[:-2])) if result.values.ndim > 1 else 0
    return (
        style.say(message("caption.first", shown=MOST, total=total)) + style.say(message("list.stop"))
        if total > MOST
        else ""
    )


def draw(canvas: Canvas, result: Matrix) -> None:
    """Draw up to 64 matrices; a grid of them, or rows that are texts, in their own way."""
    if (other := _other(result)) is not None:
        other.draw(canvas, result)
        return
    panels, style = _panels(result), canvas.style
    if not panels.size or result.scale is None:
        canvas.text(0, 0, style.say(message("draw.nothing")), 9)
        return
    left, foot = _margins(result, style)
    width, height = _cell(result)
    columns, rows = _grid(result)
    head = HEAD if len(panels) > 1 else 0
    names = _names(result, len(panels), width, style) if head else []
    for i, panel in enumerate(panels):
        row, column = divmod(i, columns)
        x, y = left + column * (width + GAP), row * (height + GAP + head) + head
        axes = canvas.axes(x, y, width, height)
        axes.imshow(painted(panel, result.scale, style), aspect="auto", interpolation="nearest")
        for spine in axes.spines.values():
            spine.set_visible(True)
        if head:
            canvas.text(x, y - 0.03, measure.shorten(names[i], width, NAME), NAME, va="bottom", color=style.theme.muted)
        if len(panels) <= FEW:
            _numbers(canvas, axes, panel, result)
        bottom = i + columns >= len(panels)
        _labels(canvas, axes, result, rows=column == 0, columns=bottom)
    more = int(np.prod(result.values.shape[:-2])) - len(panels)
    if more > 0:
        words = style.say(message("draw.more", count=more))
        x = left + columns * (width + GAP) - GAP
        canvas.text(x, head - 0.03 - HEAD + 0.02, f"+ {words}", NAME, ha="right", va="top", color=style.theme.muted)
    total = rows * (height + GAP + head) - GAP
    bar(canvas, left + columns * (width + GAP) - GAP + 0.1, head, max(0.9, min(4.4, total - head)), result.scale)
    _axis_names(canvas, result, (left, total, columns * (width + GAP) - GAP, foot))


def _other(result: Matrix) -> ModuleType | None:
    """What draws a matrix that is no row of panels."""
    if not result.values.size:
        return None
    return mosaic if mosaic.fits(result) else strips if strips.fits(result) else None


def _panels(result: Matrix) -> np.ndarray:
    values = result.values
    return values.reshape(-1, *values.shape[-2:])[:MOST] if values.ndim >= 2 and values.size else np.zeros((0, 0, 0))


def _grid(result: Matrix) -> tuple[int, int]:
    """Columns and rows of matrices: the last leading axis (heads) makes a row where it is 2 to 12 long."""
    count = len(_panels(result))
    last = result.values.shape[-3] if result.values.ndim > 2 else 1
    columns = last if (2 <= last <= 8 and count > last) or last == count <= 4 else min(8, math.ceil(math.sqrt(count)))
    return columns, math.ceil(count / columns)


def _cell(result: Matrix) -> tuple[float, float]:
    """Width and height of one matrix."""
    count = len(_panels(result))
    rows, columns = result.values.shape[-2:]
    room = 4.4 if count == 1 else 2.0 if count <= 4 else 1.35 if count <= 16 else 0.88
    longest = max(rows if result.rows else 0, columns if result.columns else 0)
    if count <= FEW and longest <= SOME:
        room = max(room, ROW * longest)
    if count == 1:
        legible = ROW * longest if longest <= LABELS else 0.0
        room = max(legible, min(room, max(1.6, 0.36 * max(rows, columns))))
    aspect = min(3.0, max(0.25, rows / columns))
    if count == 1 and result.axes[-1:] == ("step",):
        return max(room / max(1.0, aspect), min(4.4, 0.36 * columns)), max(0.3, room * min(1.0, aspect))
    return (room, max(0.3, room * aspect)) if aspect <= 1 else (max(0.5, room / aspect), room)


def _named(result: Matrix) -> tuple[int, int]:
    """Every how many rows and columns are labelled, 0 for none: all where there is room, some of layers and steps."""
    width, height = _cell(result)
    rows, columns = result.values.shape[-2:]
    few = int(np.prod(result.values.shape[:-2])) == 1
    layers, steps = few and result.axes[-2:-1] == ("layer",), few and result.axes[-1:] == ("step",)
    longest = str(max(result.columns, key=lambda name: len(str(name)), default="")) if steps else ""
    room = max(LEAST, measure.width(longest, LABEL) + 0.08) if steps else LEAST
    every = math.ceil(LEAST * rows / height), math.ceil(room * columns / width)
    return (
        every[0] if result.rows and (layers or (every[0] == 1 and rows <= LABELS)) else 0,
        every[1] if result.columns and (steps or (every[1] == 1 and columns <= LABELS)) else 0,
    )


def _room(labels: tuple[Text | str, ...], style: Style) -> float:
    return min(1.4, max((measure.width(_short(style.say(name)), LABEL) for name in labels), default=0.0))


def _margins(result: Matrix, style: Style) -> tuple[float, float]:
    """Room at the left and at the bottom for labels and axis names."""
    rows, columns = _named(result)
    axis = AXIS if len(result.axes) >= 2 else 0.0
    turned = [name for name in result.columns[:: max(1, columns)] if not _level(style.say(name), result)]
    foot = _room(tuple(turned), style) if turned else UPRIGHT
    return (
        (_room(result.rows, style) + 0.1 if rows else 0) + axis,
        (max(foot, UPRIGHT) + 0.1 if columns else 0) + axis,
    )


def _labels(canvas: Canvas, axes: Axes, result: Matrix, *, rows: bool, columns: bool) -> None:
    style = canvas.style
    ink: dict[str, Any] = {"fontsize": canvas.font(LABEL), "color": style.theme.ink}
    named = _named(result)
    if rows and named[0]:
        names = [_short(style.say(name)) for name in result.rows[:: named[0]]]
        axes.set_yticks(range(0, len(result.rows), named[0]), names, **ink)
    if columns and named[1]:
        names = [_short(style.say(name)) for name in result.columns[:: named[1]]]
        axes.set_xticks(range(0, len(result.columns), named[1]), names, rotation=90, **ink)
        for tick, name in zip(axes.get_xticklabels(), names, strict=True):
            if _level(name, result):
                tick.set_rotation(0)
    axes.tick_params(length=0, pad=3)


def _names(result: Matrix, count: int, width: float, style: Style) -> list[str]:
    """What stands above each matrix; where that is too long, without what all of them share around their difference."""
    names = [style.say(result.panels[i]) if i < len(result.panels) else f"{i}" for i in range(count)]
    if max(measure.width(name, NAME) for name in names) <= width or len(set(names)) < 2:
        return names
    parts = [re.split(r"(\.| · )", name) for name in names]
    least = min(map(len, parts))
    before = next((i for i in range(least) if len({one[i] for one in parts}) > 1), least - 1)
    after = next((i for i in range(least - before) if len({one[-1 - i] for one in parts}) > 1), 0)
    start = max(0, before - before % 2 - 2)  # one part more, as in "layers.0"
    short = ["".join(one[start : len(one) - after]).strip(" ·.") for one in parts]
    kept = ["".join(one[len(one) - after :]).partition(" · ")[2] for one in parts]
    whole = [f"{one} · {rest}" if rest else one for one, rest in zip(short, kept, strict=True)]
    return whole if max(measure.width(name, NAME) for name in whole) <= width else short


def _level(name: str, result: Matrix) -> bool:
    """Whether the name of a column fits beneath it without being turned."""
    room = _cell(result)[0] / result.values.shape[-1] * max(1, _named(result)[1])
    return measure.width(_short(name), LABEL) <= 0.92 * room


def _short(name: str) -> str:
    if name.strip(" ") and all(category(one) in ("Cc", "Cf", "Zs") for one in name):
        name = " ".join(f"U+{ord(one):04X}" for one in name)  # a character that cannot be seen
    return measure.plain(measure.shorten(name if name.strip() else "␣", 1.4, LABEL))


def _axis_names(canvas: Canvas, result: Matrix, place: tuple[float, float, float, float]) -> None:
    left, total, width, foot = place
    if len(result.axes) < 2:
        return
    row, column = (canvas.style.say(axis_name(name)) for name in result.axes[-2:])
    muted = {"color": canvas.style.theme.muted}
    canvas.text(0.06, total / 2, row, 8, rotation=90, ha="center", va="center", **muted)
    canvas.text(left + width / 2, total + foot - 0.14, f"{column} →", 8, ha="center", **muted)


def _numbers(canvas: Canvas, axes: Axes, panel: np.ndarray, result: Matrix) -> None:
    if panel.size > 100 or result.scale is None:
        return
    width, _ = _cell(result)
    colours = painted(panel, result.scale, canvas.style)
    words = [[spell.number(float(value), 2) for value in row] for row in panel]
    widest = max(measure.width(word, 7) for row in words for word in row)
    points = 7 * min(1.0, 0.9 * width / panel.shape[1] / widest)
    if points < 4.5:
        return
    for (i, j), _ in np.ndenumerate(panel):
        axes.text(
            j,
            i,
            words[i][j],
            ha="center",
            va="center_baseline",
            fontsize=canvas.font(points),
            color=ink_on(colours[i, j]),
        )
