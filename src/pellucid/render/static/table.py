"""Table: words, numbers with bars behind them, small pictures and strips; curves beneath."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from pellucid.core.messages import message
from pellucid.core.text import Text
from pellucid.render.static import measure, series
from pellucid.render.static.page import Canvas
from pellucid.render.static.theme import CURVES, Style
from pellucid.results import spell
from pellucid.results.series import Series
from pellucid.results.table import Table

MOST, PICTURED, BESIDE = 40, 24, 6
ROW, HEAD, PAD, PICTURE, STRIP = 0.235, 0.3, 0.1, 0.62, 0.9
CELL, WIDEST, LEAST_BAR = 8.0, 2.6, 0.75
CHART, TALL = 2.9, 1.5


@dataclass(frozen=True)
class Column:
    """One column: key, heading, kind ("number", "picture", "words"), left edge and width in inches, largest number.

    `signed`: whether any picture of the column has a value below zero, so that all of them are drawn about zero.
    """

    key: str
    heading: list[str]
    kind: str
    x: float
    width: float
    largest: float = 0.0
    signed: bool = False


def size(result: Table, style: Style) -> tuple[float, float]:
    """Inches that the drawing takes."""
    columns = _columns(result, style)
    width = columns[-1].x + columns[-1].width if columns else 3.0
    charts = -(-min(BESIDE, len(result.beside)) // 2)
    return max(width, 2 * (CHART + 1.3) if len(result.beside) > 1 else CHART + 1.3 if charts else 0), _head(
        columns
    ) + sum(_heights(result)) + 0.05 + charts * (TALL + 0.75)


def remark(result: Table, style: Style) -> str:
    """How many rows are left out, and what the colours of small pictures mean."""
    maps = [
        column
        for column in _columns(result, style)
        if column.kind == "picture" and any(_axes(row.get(column.key)) == 2 for row in result.rows)
    ]
    parts = (
        [message("caption.first", shown=_count(result), total=len(result.rows))]
        if len(result.rows) > _count(result)
        else []
    )
    parts += [message("table.pictures_signed")] if any(column.signed for column in maps) else []
    parts += [message("table.pictures")] if any(not column.signed for column in maps) else []
    gap = "" if style.lang == "zh" else " "
    return gap.join(style.say(part) + style.say(message("list.stop")) for part in parts)


def draw(canvas: Canvas, result: Table) -> None:
    """Draw up to 40 rows, and up to 6 charts under them."""
    columns, style = _columns(result, canvas.style), canvas.style
    if not columns or not result.rows:
        canvas.text(0, 0, style.say(message("draw.nothing")), 9)
        return
    width, height = size(result, style)
    plane = canvas.plane(width, height)
    right = columns[-1].x + columns[-1].width
    head = _head(columns)
    for column in columns:
        at = column.x + column.width - PAD if column.kind == "number" else column.x + PAD
        plane.text(
            at,
            head - 0.07,
            "\n".join(map(measure.plain, column.heading)),
            fontsize=canvas.font(CELL),
            fontweight="bold",
            ha="right" if column.kind == "number" else "left",
            va="bottom",
            color=style.theme.ink,
            linespacing=1.1,
        )
    plane.plot([0, right], [head, head], color=style.theme.muted, linewidth=0.9)
    y = head
    for i, (row, tall) in enumerate(zip(result.rows, _heights(result), strict=False)):
        if i % 2:
            plane.add_patch(Rectangle((0, y), right, tall, facecolor=style.theme.panel, linewidth=0))
        for column in columns:
            _cell(canvas, plane, column, row.get(column.key), y, tall)
        y += tall
    plane.plot([0, right], [y, y], color=style.theme.line, linewidth=0.7)
    for i, curves in enumerate(result.beside[:BESIDE]):
        _chart(canvas, curves, (i % 2) * (CHART + 1.3), y + 0.3 + (i // 2) * (TALL + 0.75))


def words_of(cell: Any, style: Style) -> str:
    """A cell as words."""
    if cell is None:
        return "–"
    if isinstance(cell, (bool, np.bool_)):
        return "✓" if cell else "✗"
    if isinstance(cell, (int, float, np.integer, np.floating)):
        return spell.number(float(cell))
    if isinstance(cell, (tuple, list)):
        return " × ".join(str(item) for item in cell) or "–"
    return style.say(cell) if isinstance(cell, (str, Text)) else str(cell)


def _columns(result: Table, style: Style) -> list[Column]:
    columns: list[Column] = []
    x = 0.0
    numeric = set(result.facts["numeric"]) if result.rows else set()
    for key, heading in result.columns.items():
        cells = [row.get(key) for row in result.rows[: _count(result)]]
        pictures = [cell for cell in cells if isinstance(cell, np.ndarray)]
        if pictures:
            kind, inner = "picture", PICTURE if any(cell.ndim > 1 for cell in pictures) else STRIP
        else:
            kind = "number" if key in numeric else "words"
            widths = [measure.width(words_of(cell, style), CELL) for cell in cells]
            inner = min(WIDEST, max(widths, default=0.0))
            inner = max(inner, LEAST_BAR) if kind == "number" else inner
        lines = measure.wrap(style.say(heading), max(inner, 0.95), CELL)
        inner = max([inner, *(measure.width(line, CELL, "bold") for line in lines)])
        sizes = [abs(float(cell)) for cell in cells if kind == "number" and cell is not None]
        finite = [one for one in sizes if math.isfinite(one)]
        columns.append(
            Column(
                key,
                lines,
                kind,
                x,
                inner + 2 * PAD,
                max(finite, default=0.0),
                any(cell.size > 0 and bool((np.nan_to_num(cell) < 0).any()) for cell in pictures),
            )
        )
        x += inner + 2 * PAD
    return columns


def _count(result: Table) -> int:
    """How many rows are drawn: fewer where they hold pictures."""
    return PICTURED if any(_axes(cell) > 1 for row in result.rows for cell in row.values()) else MOST


def _axes(cell: Any) -> int:
    """Number of axes of a picture or strip, 0 for any other cell."""
    return cell.ndim if isinstance(cell, np.ndarray) else 0


def _head(columns: list[Column]) -> float:
    return HEAD + 0.13 * (max((len(column.heading) for column in columns), default=1) - 1)


def _heights(result: Table) -> list[float]:
    def tall(row: dict[str, Any]) -> float:
        return PICTURE + 0.1 if any(isinstance(cell, np.ndarray) and cell.ndim > 1 for cell in row.values()) else ROW

    return [tall(row) for row in result.rows[: _count(result)]]


def _cell(canvas: Canvas, plane: Axes, column: Column, cell: Any, y: float, tall: float) -> None:
    theme = canvas.style.theme
    if isinstance(cell, np.ndarray):
        _image(canvas, column, cell, y, tall)
        return
    words = measure.plain(measure.shorten_about(words_of(cell, canvas.style), WIDEST, CELL))
    if column.kind == "number" and cell is not None and column.largest and math.isfinite(float(cell)):
        reach = (column.width - PAD) * min(1.0, abs(float(cell)) / column.largest)
        plane.add_patch(
            Rectangle(
                (column.x + column.width - PAD / 2 - reach, y + (tall - ROW) / 2 + 0.03),
                reach,
                ROW - 0.06,
                linewidth=0,
                facecolor=CURVES[0] if cell >= 0 else CURVES[1],
                alpha=0.28,
            )
        )
    right = column.kind == "number"
    plane.text(
        column.x + column.width - PAD if right else column.x + PAD,
        y + tall / 2,
        words,
        fontsize=canvas.font(CELL),
        ha="right" if right else "left",
        va="center_baseline",
        color=theme.muted if cell is None else theme.ink,
    )


def _image(canvas: Canvas, column: Column, cell: np.ndarray, y: float, tall: float) -> None:
    cell = np.nan_to_num(np.asarray(cell, dtype=np.float64))
    if cell.ndim == 1:
        axes = canvas.axes(column.x + PAD, y + 0.04, column.width - 2 * PAD, tall - 0.08)
        axes.fill_between(np.arange(cell.size), cell, step="mid", color=CURVES[0], alpha=0.7, linewidth=0)
        axes.margins(0)
        return
    ratio = min(PICTURE / max(1, cell.shape[1]), (tall - 0.1) / max(1, cell.shape[0]))
    high = cell.shape[0] * ratio
    axes = canvas.axes(column.x + PAD, y + (tall - high) / 2, cell.shape[1] * ratio, high)
    top = float(np.abs(cell).max()) if cell.size else 1.0
    axes.imshow(
        np.clip(cell, 0, 1) if cell.ndim == 3 else cell,
        cmap="RdBu_r" if column.signed else "viridis",
        aspect="auto",
        interpolation="nearest",
        vmin=-(top or 1.0) if column.signed else 0.0,
        vmax=top or 1.0,
    )


def _chart(canvas: Canvas, curves: Series, x: float, y: float) -> None:
    if curves.layer:
        canvas.text(
            x + 0.55,
            y - 0.05,
            measure.shorten(curves.layer, CHART + 0.4, CELL),
            CELL,
            va="bottom",
            color=canvas.style.theme.ink,
        )
    series.chart(canvas, curves, (x + 0.55, y, CHART - 0.6, TALL))
