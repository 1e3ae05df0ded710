"""Boxes and frames of a graph."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.patches import FancyBboxPatch, Rectangle

from pellucid.core.messages import message
from pellucid.render.collapse import Box
from pellucid.render.columns import Column
from pellucid.render.nesting import Placed
from pellucid.render.static import measure
from pellucid.render.static.graph_plan import Plan
from pellucid.render.static.graph_words import PAD, family, name_of, times_of
from pellucid.render.static.page import Canvas
from pellucid.render.static.theme import CURVES

LEGIBLE = 3.6
RED = CURVES[6]  # readable on both papers
REACH = 0.12


class Painter:
    """Draws one plan on one canvas.

    Args:
        canvas: where.
        plane: axes in inches of the plan, y downward.
        plan: what.
    """

    def __init__(self, canvas: Canvas, plane: Axes, plan: Plan) -> None:
        self.canvas, self.plane, self.plan = canvas, plane, plan
        self.theme = canvas.style.theme
        self.zoom = canvas.zoom * plan.scale
        self._small: dict[str, list[list[tuple[float, float]]]] = {}

    def font(self, points: float) -> float:
        """Size of words on the page; 0 where they could not be read."""
        size = points * min(1.0, self.zoom)
        return size if size >= LEGIBLE else 0.0

    def column(self, column: Column, shift: tuple[float, float]) -> None:
        """Frames from outside to inside, then boxes."""
        for one in column.placed:
            if one.box.inside:
                self._frame(one, column, shift)
            else:
                self._box(one, shift)
        for colour, bars in self._small.items():
            self.plane.add_collection(PolyCollection(bars, facecolors=colour, linewidths=0, zorder=3), autolim=False)
        self._small.clear()

    def fill(self, depth: int) -> str:
        """Colour inside a frame or box with so many frames around it."""
        return self.theme.panel if depth % 2 == 0 else self.theme.paper

    def _frame(self, one: Placed, column: Column, shift: tuple[float, float]) -> None:
        """The frame as far as it is in this column; one that goes on has no edge there."""
        start, end = max(one.top, column.top - REACH), min(one.top + one.height, column.bottom + REACH)
        left, top, right, bottom = (
            one.left + shift[0],
            start + shift[1],
            one.left + one.width + shift[0],
            end + shift[1],
        )
        level = 1.0 + 0.01 * one.depth
        for k in range(2 if one.box.times > 1 and start == one.top and end < column.bottom else 0, 0, -1):
            self._rounded((left + 0.04 * k, top + 0.04 * k), (one.width, end - start), "none", level - 0.001 * k)
        fill = self.fill(one.depth)
        if start == one.top and end == one.top + one.height:
            self._rounded((left, top), (one.width, end - start), fill, level)
        else:
            self.plane.add_patch(
                Rectangle((left, top), right - left, bottom - top, linewidth=0, facecolor=fill, zorder=level)
            )
            edge: dict[str, Any] = {"color": self.theme.line, "linewidth": self._thick(0.8), "zorder": level}
            self.plane.plot([left, left], [top, bottom], **edge)
            self.plane.plot([right, right], [top, bottom], **edge)
            if start == one.top:
                self.plane.plot([left, right], [top, top], **edge)
            if end == one.top + one.height:
                self.plane.plot([left, right], [bottom, bottom], **edge)
        if one.top < column.top:
            return
        _title(self, one, (left, top))

    def _thick(self, points: float) -> float:
        return max(0.25, points * min(1.0, self.zoom))

    def _rounded(
        self, corner: tuple[float, float], size: tuple[float, float], fill: str, level: float, **how: Any
    ) -> None:
        round_ = min(0.06, size[1] / 3)
        edge: dict[str, Any] = {"linewidth": self._thick(0.8), "edgecolor": self.theme.line, **how}
        self.plane.add_patch(
            FancyBboxPatch(
                corner, *size, boxstyle=f"round,pad=0,rounding_size={round_}", facecolor=fill, zorder=level, **edge
            )
        )

    def _box(self, one: Placed, shift: tuple[float, float]) -> None:
        box, left, top = one.box, one.left + shift[0], one.top + shift[1]
        colours = family(box)
        for k in range(2 if box.times > 1 and self.plan.dense.name else 0, 0, -1):
            self._rounded(
                (left + 0.04 * k, top + 0.04 * k), (one.width, one.height), self.fill(one.depth), 2.5 - 0.1 * k
            )
        if not self.plan.dense.name:
            right, bottom = left + one.width, top + one.height
            colour = RED if box.failed else colours[1] if colours else self.theme.line
            corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
            self._small.setdefault(colour, []).append(corners)
            return
        edge = {"edgecolor": RED, "linewidth": self._thick(1.8)} if box.failed else {}
        self._rounded((left, top), (one.width, one.height), self.fill(one.depth), 3, **edge)
        if colours:
            inset = 0.08 if one.height > 0.3 else 0.05
            self.plane.plot(
                [left + 0.05] * 2,
                [top + inset, top + one.height - inset],
                color=colours[1],
                linewidth=self._thick(2.2),
                solid_capstyle="round",
                zorder=4,
            )
        self._words(box, left, top, one.width)
        self._bar(
            box, left + PAD, top + one.height - 0.045 * (0.42 if not self.plan.dense.detail else 1), one.width - 2 * PAD
        )

    def _words(self, box: Box, left: float, top: float, wide: float) -> None:
        dense, theme = self.plan.dense, self.theme
        size = self.font(dense.name)
        if not size:
            return
        times = times_of(box)
        room = wide - 2 * PAD - (measure.width(times, dense.name, "bold") + 0.08 if times else 0.0)
        name = measure.shorten(name_of(box), room, dense.name, "bold")
        y = top + (0.14 if dense.detail else 0.1)
        bold: dict[str, Any] = {"fontsize": size, "fontweight": "bold", "va": "center", "zorder": 5}
        self.plane.text(left + PAD, y, measure.plain(name), color=theme.ink, **bold)
        if times:
            self.plane.text(left + wide - PAD, y, times, color=CURVES[1], ha="right", **bold)
        points = dense.detail or dense.name - 1
        small = self.font(points)
        how: dict[str, Any] = {"fontsize": small, "va": "center", "zorder": 5, "color": theme.muted}
        if small and dense.detail:
            self.plane.text(left + PAD, top + 0.285, measure.plain(self.plan.detail(box, wide - 2 * PAD)), **how)
        elif small:
            used = measure.width(name, dense.name, "bold") + measure.width("  ", points)
            if room - used > 0.25:
                self.plane.text(left + PAD + used, y, measure.plain(self.plan.detail(box, room - used)), **how)
        if box.failed:
            y = top + (0.42 if dense.detail else 0.26)
            for k, line in enumerate(self.plan.told or [self.canvas.style.say(message("draw.failed"))]):
                red: dict[str, Any] = {**how, "color": RED, "fontsize": self.font(6.5)}
                self.plane.text(left + PAD, y + 0.125 * k, measure.plain(line), **red)

    def _bar(self, box: Box, x: float, y: float, wide: float) -> None:
        """A thin bar along the lower edge: the overlaid quantity."""
        share = self.plan.bars.share(box.number) if self.plan.bars else None
        if not share:
            return
        how: dict[str, Any] = {"linewidth": self._thick(1.4), "solid_capstyle": "butt"}
        self.plane.plot([x, x + wide], [y, y], color=self.theme.line, zorder=4, **how)
        self.plane.plot([x, x + max(0.02, wide * share)], [y, y], color=CURVES[0], zorder=4.5, **how)


def _title(painter: Painter, one: Placed, corner: tuple[float, float]) -> None:
    """The name of a frame, its class and how often it stands in a row, left of what enters it."""
    size = painter.font(painter.plan.dense.frame)
    if not size:
        return
    room = one.title - 0.12
    x, y = corner[0] + 0.07, corner[1] + painter.plan.dense.room.head / 2
    points = painter.plan.dense.frame
    times = times_of(one.box)
    spent = measure.width(f"{times} ", points, "bold") if times else 0.0
    name = measure.shorten(name_of(one.box), room - spent, points, "bold")
    how: dict[str, Any] = {"fontsize": size, "va": "center", "zorder": 6}
    used = measure.width(name, points, "bold")
    left = room - used - spent
    kind = one.box.kind if one.box.kind and measure.width(f" {one.box.kind}", points) <= left else ""
    wide = used + spent + (measure.width(f" {kind}", points) if kind else 0.0)
    tall = points * 1.15 / 72
    painter.plane.add_patch(
        Rectangle(
            (x - 0.02, y - tall / 2), wide + 0.04, tall, linewidth=0, facecolor=painter.fill(one.depth), zorder=2.6
        )
    )
    painter.plane.text(
        x, y, measure.plain(name), fontweight="bold", color=RED if one.box.failed else painter.theme.ink, **how
    )
    x += used + measure.width(" ", points)
    if kind:
        painter.plane.text(x, y, measure.plain(kind), color=painter.theme.muted, **how)
        x += measure.width(f"{kind} ", points)
    if times:
        painter.plane.text(x, y, times, fontweight="bold", color=CURVES[1], **how)
