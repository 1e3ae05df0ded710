"""Matrices laid out by two axes of their own, such as all heads of all layers: each axis is named once."""

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from PIL import Image

from pellucid.core.messages import message
from pellucid.render.static import measure
from pellucid.render.static.axis import axis_name
from pellucid.render.static.colour import ROOM, bar, painted
from pellucid.render.static.page import Canvas
from pellucid.render.static.theme import Style
from pellucid.results.matrix import Matrix
from pellucid.results.scale import Scale

DOWN, ACROSS, EXAMPLES = 48, 32, 4
WIDE, TALL, SMALLEST, LARGEST = 7.0, 9.0, 0.4, 0.82
DOTS, LEVELS = 200, 64
GAP, LABEL, TOP, FOOT, HEADING = 0.045, 7.5, 0.36, 0.22, 0.26


@dataclass(frozen=True)
class Plan:
    """Where everything stands, in inches.

    Args:
        down, across, examples: how many matrices are drawn in each direction, and for how many examples.
        width, height: of one matrix.
        left: room for the names of what goes downward.
        heading: room above the matrices of each example.
    """

    down: int
    across: int
    examples: int
    width: float
    height: float
    left: float
    heading: float

    @property
    def broad(self) -> float:
        """Width of all matrices."""
        return self.across * (self.width + GAP) - GAP

    @property
    def block(self) -> float:
        """Height of the matrices of one example."""
        return self.down * (self.height + GAP) - GAP


def fits(result: Matrix) -> bool:
    """Whether two leading axes have names, so that matrices are laid out by them; examples need none."""
    shape = result.values.shape
    if len(shape) < 4 or shape[-3] != len(result.across):
        return False
    return shape[-4] == len(result.down) if result.down else len(shape) == 4 and shape[0] > 1


def _down(result: Matrix, style: Style) -> list[str]:
    """Names of what goes downward."""
    named = result.down or [message("draw.example", number=i + 1) for i in range(result.values.shape[-4])]
    return [style.say(name) for name in named]


def size(result: Matrix, style: Style) -> tuple[float, float]:
    """Inches that the drawing takes."""
    plan = _plan(result, style)
    return plan.left + plan.broad + ROOM, TOP + plan.examples * (plan.heading + plan.block) + FOOT


def remark(result: Matrix, style: Style) -> str:
    """How many examples and matrices are left out."""
    plan, (examples, down, across) = _plan(result, style), _counts(result)
    parts = []
    if plan.down * plan.across < down * across:
        parts.append(message("caption.first", shown=plan.down * plan.across, total=down * across))
    if plan.examples < examples:
        parts.append(message("caption.examples", shown=plan.examples, total=examples))
    if max(result.values.shape[-2:]) > DOTS * max(plan.width, plan.height):
        parts.append(message("caption.means"))
    gap = "" if style.lang == "zh" else " "
    return gap.join(style.say(part) + style.say(message("list.stop")) for part in parts)


def draw(canvas: Canvas, result: Matrix) -> None:
    """Draw every matrix as a small one."""
    plan, style, scale = _plan(result, canvas.style), canvas.style, result.scale
    if scale is None:
        return
    wide, tall = size(result, style)
    plane = canvas.plane(wide, tall)
    muted = style.theme.muted
    _names(canvas, result, plan)
    named = _down(result, style)
    values = result.values.reshape(-1, *result.values.shape[-4:])
    for example in range(plan.examples):
        top = TOP + example * (plan.heading + plan.block) + plan.heading
        if plan.heading:
            words = style.say(message("draw.example", number=example + 1))
            canvas.text(plan.left, top - 0.05, words, 8.5, va="bottom", fontweight="bold")
        for i in range(plan.down):
            y = top + i * (plan.height + GAP)
            name = measure.shorten(named[i], plan.left - 0.26, LABEL)
            canvas.text(plan.left - 0.06, y + plan.height / 2, name, LABEL, ha="right", va="center_baseline")
            for j in range(plan.across):
                colours = _colours(values[example, i, j], (plan.width, plan.height), scale, style)
                _panel(plane, colours, (plan.left + j * (plan.width + GAP), y), plan, style)
    plane.set_xlim(0, wide)
    plane.set_ylim(tall, 0)
    row, column = (axis_name(name) for name in (result.axes or ("row", "column"))[-2:])
    canvas.text(plan.left, tall - FOOT + 0.07, style.say(message("draw.each", row=row, column=column)), 8, color=muted)
    height = max(0.9, min(4.4, plan.examples * (plan.heading + plan.block) - plan.heading))
    bar(canvas, plan.left + plan.broad + 0.1, TOP + plan.heading, height, scale)


def _colours(values: np.ndarray, inches: tuple[float, float], scale: Scale, style: Style) -> np.ndarray:
    """`(row, column, 3)` of 8 bits, no finer than the picture's dots; few levels, so that files stay small."""
    width, height = (round(DOTS * one) for one in inches)
    rows, columns = values.shape
    if rows > height or columns > width:
        goal = (min(width, columns), min(height, rows))
        values = np.asarray(Image.fromarray(values.astype(np.float32)).resize(goal, Image.Resampling.BOX))
    levels = scale.low + np.round(scale.relative(values) * LEVELS) / LEVELS * (scale.high - scale.low)
    return (painted(levels, scale, style) * 255).round().astype(np.uint8)


def _panel(plane: Axes, colours: np.ndarray, place: tuple[float, float], plan: Plan, style: Style) -> None:
    x, y = place
    extent = (x, x + plan.width, y + plan.height, y)
    plane.imshow(colours, aspect="auto", interpolation="nearest", extent=extent)
    plane.add_patch(Rectangle((x, y), plan.width, plan.height, fill=False, edgecolor=style.theme.line, linewidth=0.5))


def _names(canvas: Canvas, result: Matrix, plan: Plan) -> None:
    """The names of both axes, and what stands in each column."""
    style, named = canvas.style, result.axes if len(result.axes) >= 4 else ("", "", "", "")
    muted, middle = style.theme.muted, plan.left + plan.broad / 2
    canvas.text(middle, 0, style.say(axis_name(named[-3])), 8, ha="center", color=muted)
    height = plan.examples * (plan.heading + plan.block)
    words = style.say(axis_name(named[-4])) if result.down else ""
    canvas.text(0.06, TOP + height / 2, words, 8, rotation=90, ha="center", va="center", color=muted)
    for j in range(plan.across):
        x = plan.left + j * (plan.width + GAP) + plan.width / 2
        name = measure.shorten(style.say(result.across[j]), plan.width + GAP, LABEL)
        canvas.text(x, TOP - 0.04, name, LABEL, ha="center", va="bottom")
    more = result.values.shape[-4] * result.values.shape[-3] - plan.down * plan.across
    if more:
        words = f"+ {style.say(message('draw.more', count=more))}"
        canvas.text(plan.left + plan.broad, 0, words, LABEL, ha="right", color=muted)


def _counts(result: Matrix) -> tuple[int, int, int]:
    *lead, down, across, _, _ = result.values.shape
    return math.prod(lead), down, across


def _plan(result: Matrix, style: Style) -> Plan:
    examples, down, across = _counts(result)
    rows, columns = result.values.shape[-2:]
    down, across = min(DOWN, down), min(ACROSS, across)
    side = min(LARGEST, WIDE / across, max(SMALLEST, TALL / down))
    ratio = min(2.0, max(0.5, rows / columns))
    width, height = (side, side * ratio) if ratio <= 1 else (side / ratio, side)
    heading = HEADING if examples > 1 else 0.0
    shown = max(1, min(examples, EXAMPLES, int(1.4 * TALL / (down * (height + GAP) + heading))))
    room = min(1.3, max(measure.width(name, LABEL) for name in _down(result, style)))
    return Plan(down, across, shown, width, height, 0.26 + room + 0.06, heading)
