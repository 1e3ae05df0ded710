"""Points: a scatter whose groups have a colour and a marker each; pictures stand beside some points."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

from pellucid.core.messages import message
from pellucid.render.static import measure, thumbnails
from pellucid.render.static.page import Canvas
from pellucid.render.static.theme import CURVES, MARKERS, Style
from pellucid.results.points import Points

SIDE, LEFT, FOOT = 4.2, 0.62, 0.5
PICTURED = 5.6  # side where pictures stand beside points
NAME, GROUPS, LABELLED = 8.0, 16, 40


def size(result: Points, style: Style) -> tuple[float, float]:
    """Inches that the drawing takes."""
    side = _side(result)
    return LEFT + side + 0.15 + _right(result, style), side + FOOT


def _side(result: Points) -> float:
    return PICTURED if result.thumbnails else SIDE


def remark(result: Points, style: Style) -> str:
    """How many points have no place."""
    lost = int((~np.isfinite(result.positions).all(-1)).sum()) if result.positions.size else 0
    return f"{lost} {style.say(message('draw.not_finite'))}" + style.say(message("list.stop")) if lost else ""


def draw(canvas: Canvas, result: Points) -> None:
    """Draw every point; few points have their names beside them."""
    style = canvas.style
    side = _side(result)
    axes = canvas.axes(LEFT, 0, side, side, frame=True)
    axes.grid(visible=True, color=style.theme.line, linewidth=0.5, alpha=0.7)
    axes.set_axisbelow(True)
    if not result.positions.size:
        axes.text(
            0.5, 0.5, style.say(message("draw.nothing")), transform=axes.transAxes, ha="center", color=style.theme.muted
        )
        return
    names = _groups(result, style)
    dot = float(np.clip(2200 / len(result.positions), 6, 42)) * canvas.zoom**2
    colours = [""] * len(result.positions)
    for i, (name, members) in enumerate(names.items()):
        place = result.positions[members]
        for member in members:
            colours[member] = CURVES[i % len(CURVES)]
        axes.scatter(
            place[:, 0],
            place[:, 1],
            s=dot,
            c=CURVES[i % len(CURVES)],
            marker=_marker(i, len(names)),
            alpha=0.85,
            edgecolors=style.theme.paper,
            linewidths=0.4,
        )
        if len(names) > 1 or name:
            _entry(canvas, LEFT + side + 0.16, i, len(names), name, len(members))
    _limits(axes, result)
    axes.set_xlabel(measure.plain(style.say(result.axis_names[0])), fontsize=canvas.font(8), color=style.theme.muted)
    axes.set_ylabel(measure.plain(style.say(result.axis_names[1])), fontsize=canvas.font(8), color=style.theme.muted)
    axes.locator_params(nbins=6)
    covered = thumbnails.draw(canvas, axes, result.positions, result.thumbnails, colours)
    if result.labels and len(result.positions) <= LABELLED:
        _labels(canvas, axes, result, covered)


def _limits(axes: Axes, result: Points) -> None:
    """Room around the points; the square is as wide as they are high, or the other way round, on one scale."""
    axes.margins(0.12 if result.thumbnails else 0.07)
    axes.autoscale_view()
    if result.one_scale:
        half = max(np.ptp(axes.get_xlim()), np.ptp(axes.get_ylim())) / 2
        for limits, change in ((axes.get_xlim(), axes.set_xlim), (axes.get_ylim(), axes.set_ylim)):
            change(np.mean(limits) - half, np.mean(limits) + half)


def _groups(result: Points, style: Style) -> dict[str, list[int]]:
    """Members of each group, the largest groups first; what is beyond the legend is one group."""
    groups: dict[str, list[int]] = {}
    for i in range(len(result.positions)):
        groups.setdefault(style.say(result.groups[i]) if i < len(result.groups) else "", []).append(i)
    if len(groups) <= GROUPS:
        return groups
    order = sorted(groups, key=lambda name: -len(groups[name]))
    rest = [i for name in order[GROUPS - 1 :] for i in groups[name]]
    return {**{name: groups[name] for name in order[: GROUPS - 1]}, style.say(message("draw.other")): rest}


def _entry(canvas: Canvas, left: float, index: int, total: int, name: str, count: int) -> None:
    axes = canvas.axes(left, 0.03 + index * 0.22, 0.16, 0.16)
    axes.set_xlim(-1, 1)
    axes.set_ylim(-1, 1)
    axes.plot(
        [0],
        [0],
        marker=_marker(index, total),
        color=CURVES[index % len(CURVES)],
        markersize=canvas.font(6),
        linestyle="none",
    )
    words = measure.shorten(name or "·", 1.4, NAME)
    canvas.text(left + 0.2, 0.11 + index * 0.22, f"{words} ({count})", NAME, va="center_baseline")


def _marker(index: int, total: int) -> str:
    """Beyond eight groups colours come again with another marker."""
    return MARKERS[(index // len(CURVES) if total > len(CURVES) else index) % len(MARKERS)]


def _right(result: Points, style: Style) -> float:
    names = _groups(result, style)
    if not names or set(names) == {""}:
        return 0.1
    return 0.3 + max(
        min(1.4, measure.width(name, NAME)) + measure.width(f" ({len(members)})", NAME)
        for name, members in names.items()
    )


def _labels(canvas: Canvas, axes: Axes, result: Points, covered: Sequence[Bbox]) -> None:
    """Names beside points, right or left, above or below, where they cover nothing; else none."""
    canvas.figure.draw_without_rendering()
    renderer = canvas.figure.canvas.get_renderer()  # pyright: ignore[reportAttributeAccessIssue]
    whole = axes.get_window_extent(renderer)
    dots = axes.transData.transform(result.positions)
    taken = [Bbox.from_extents(x - 3, y - 3, x + 3, y + 3) for x, y in dots if np.isfinite(x + y)]
    taken += covered
    for i, place in enumerate(result.positions):
        if i >= len(result.labels) or not np.isfinite(place).all():
            continue
        for dx, dy, ha, va in (
            (4.5, 0, "left", "center"),
            (-4.5, 0, "right", "center"),
            (0, 5, "center", "bottom"),
            (0, -5, "center", "top"),
        ):
            words = axes.annotate(
                measure.plain(measure.shorten(canvas.style.say(result.labels[i]), 1.2, 6.5)),
                place,
                (dx, dy),
                textcoords="offset points",
                ha=ha,
                va=va,
                fontsize=canvas.font(6.5),
                color=canvas.style.theme.ink,
            )
            box = words.get_window_extent(renderer)
            inside = whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0 and box.y1 <= whole.y1
            if inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            words.remove()
