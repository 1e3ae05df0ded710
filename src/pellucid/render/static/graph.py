"""Graph: the network as boxes from top to bottom, skips bent round the straight main road."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from pellucid.core.messages import message
from pellucid.render.collapse import Box, collapse
from pellucid.render.layout import Layout, arrange
from pellucid.render.static import measure
from pellucid.render.static.page import Canvas
from pellucid.render.static.theme import AGAINST, CURVES, FOR, THEMES, Style, Theme
from pellucid.results.graph import Graph

NAME, WHAT = 8.0, 6.5
TALL, PAD, NARROW, WIDE, BELOW, BETWEEN, LEGEND = 0.42, 0.12, 1.15, 2.3, 0.26, 0.55, 0.3
COLUMN = 9
FAMILIES = (
    ("conv", ("conv",), 0),
    ("attention", ("attention", "attn"), 5),
    ("linear", ("linear", "addmm", "matmul"), 4),
    ("norm", ("norm",), 2),
    ("pool", ("pool",), 3),
    ("embedding", ("embedding",), 7),
)


@dataclass(frozen=True)
class Drawing:
    """Boxes and links of one picture, in columns that are read from left to right.

    Args:
        boxes: what each box is.
        links: pairs of box indices.
        columns: the indices of the boxes in each column.
        layouts: where they are in it.
        sizes: width and height of each box.
    """

    boxes: list[Box]
    links: list[tuple[int, int]]
    columns: list[list[int]]
    layouts: list[Layout]
    sizes: list[tuple[float, float]]


def size(result: Graph, style: Style) -> tuple[float, float]:
    """Inches that the drawing takes."""
    drawing = _drawing(result)
    if not drawing.boxes:
        return 3.0, 0.4
    width = sum(layout.width + BETWEEN for layout in drawing.layouts) - BETWEEN + 0.15
    return max(width, _legend_width(drawing.boxes, style) + 0.1), _bottom(drawing) + LEGEND


def remark(result: Graph, style: Style) -> str:
    """What a box is."""
    drawing = _drawing(result)
    if not drawing.boxes:
        return ""
    count = sum(node["op"] not in ("input", "output") for node in result.nodes)
    return style.say(message("graph.remark", nodes=f"{count:,}", boxes=len(drawing.boxes)))


def draw(canvas: Canvas, result: Graph) -> None:
    """Draw boxes and links."""
    drawing = _drawing(result)
    if not drawing.boxes:
        canvas.text(0, 0, canvas.style.say(message("draw.nothing")), 9)
        return
    width, height = size(result, canvas.style)
    plane = canvas.plane(width, height)
    top = 0.15 if len(drawing.layouts) > 1 else 0.0
    left = 0.05 + max(0.0, (width - sum(one.width + BETWEEN for one in drawing.layouts) + BETWEEN - 0.15) / 2)
    start, centres = left, {}
    for column, layout in zip(drawing.columns, drawing.layouts, strict=True):
        for i, (x, y) in zip(column, layout.centres, strict=True):
            centres[i] = (left + x, top + 0.05 + y)
        _links(canvas, plane, drawing, column, layout, (left, top + 0.05))
        left += layout.width + BETWEEN
    _between(canvas, plane, drawing, centres, (start, _bottom(drawing)))
    _legend(canvas, plane, drawing.boxes, height - 0.08)
    most = max((box.parameters for box in drawing.boxes), default=0)
    for i, box in enumerate(drawing.boxes):
        _box(canvas, plane, box, centres[i], drawing.sizes[i], most)


def _bottom(drawing: Drawing) -> float:
    return max(layout.height for layout in drawing.layouts) + 0.1 + 0.3 * (len(drawing.layouts) > 1)


@lru_cache(maxsize=8)
def _drawing(result: Graph) -> Drawing:
    boxes, links = collapse(result.nodes, result.edges, result.folds, failed=result.failed)
    sizes = [_size(box) for box in boxes]
    whole = arrange(sizes, links)
    columns = _columns(whole, links)
    layouts: list[Layout] = []
    for column in columns:
        own = {box: i for i, box in enumerate(column)}
        inner = [(own[a], own[b]) for a, b in links if a in own and b in own]
        layouts.append(arrange([sizes[i] for i in column], inner, down=BELOW))
    return Drawing(boxes, links, columns, layouts, sizes)


def _columns(whole: Layout, links: list[tuple[int, int]]) -> list[list[int]]:
    """Cut a tall picture where a single link passes, into columns of like height."""
    count = max(whole.ranks, default=-1) + 1
    parts = max(1, round(count / COLUMN))
    passing = [
        sum(min(whole.ranks[a], whole.ranks[b]) < cut <= max(whole.ranks[a], whole.ranks[b]) for a, b in links)
        for cut in range(count)
    ]
    cuts = [0]
    for part in range(1, parts):
        near = [cut for cut in range(cuts[-1] + 3, count - 2) if passing[cut] == 1]
        wish = part * count / parts
        if near and abs(min(near, key=lambda cut: abs(cut - wish)) - wish) < COLUMN / 2:
            cuts.append(min(near, key=lambda cut: abs(cut - wish)))
    bounds = [*sorted(set(cuts)), count]
    return [[i for i, rank in enumerate(whole.ranks) if low <= rank < high] for low, high in pairwise(bounds)]


def _name(box: Box) -> str:
    if box.times == 1:
        return box.name
    return f"{box.name} – {box.last.rpartition('.')[2]}"


def _detail(box: Box, style: Style) -> str:
    shape = "×".join(map(str, box.shape[1:] if len(box.shape) > 1 else box.shape))
    count = len(box.members) // box.times
    what = style.say(message("graph.inside", count=count)) if count > 1 else "" if box.what == box.name else box.what
    return " · ".join(part for part in (what, shape) if part)


def _size(box: Box) -> tuple[float, float]:
    times = measure.width(f"× {box.times}", NAME, "bold") + 0.1 if box.times > 1 else 0
    detail = measure.width(_detail(box, Style(THEMES["light"])), WHAT)
    wide = max(measure.width(_name(box), NAME, "bold") + times, detail) + 2 * PAD
    return min(WIDE, max(NARROW, wide)), TALL


def _family(box: Box) -> tuple[str, str] | None:
    """What a box does, and its colour; None for operations without one."""
    return next(
        ((name, CURVES[index]) for name, words, index in FAMILIES if any(word in box.what for word in words)), None
    )


def _legend(canvas: Canvas, plane: Axes, boxes: list[Box], y: float) -> None:
    """The colours of the families that are in the picture, from left to right."""
    x = 0.05
    for name, colour in dict.fromkeys(filter(None, map(_family, boxes))):
        words = canvas.style.say(message(f"graph.family.{name}"))
        plane.plot([x, x], [y - 0.06, y + 0.06], color=colour, linewidth=2.2 * canvas.zoom, solid_capstyle="round")
        plane.text(
            x + 0.08, y, words, fontsize=canvas.font(WHAT + 0.5), va="center_baseline", color=canvas.style.theme.muted
        )
        x += measure.width(words, WHAT + 0.5) + 0.28


def _legend_width(boxes: list[Box], style: Style) -> float:
    names = {family[0] for family in map(_family, boxes) if family}
    return sum(measure.width(style.say(message(f"graph.family.{name}")), WHAT + 0.5) + 0.28 for name in names)


def _box(
    canvas: Canvas, plane: Axes, box: Box, centre: tuple[float, float], extent: tuple[float, float], most: int
) -> None:
    (x, y), (wide, tall) = centre, extent
    left, top = x - wide / 2, y - tall / 2
    _frame(canvas, plane, box, (left, top), extent)
    times = f"× {box.times}" if box.times > 1 else ""
    room = wide - 2 * PAD - (measure.width(times, NAME, "bold") + 0.1 if times else 0.0)
    bold: dict[str, Any] = {"fontsize": canvas.font(NAME), "fontweight": "bold", "va": "center", "zorder": 5}
    name = measure.plain(measure.shorten(_name(box), room, NAME, "bold"))
    plane.text(left + PAD, top + 0.14, name, color=canvas.style.theme.ink, **bold)
    plane.text(left + wide - PAD, top + 0.14, times, color=CURVES[1], ha="right", **bold)
    words = canvas.style.say(message("draw.failed")) if box.failed else _detail(box, canvas.style)
    words = measure.plain(measure.shorten(words, wide - 2 * PAD, WHAT))
    muted = canvas.style.theme.muted
    plane.text(left + PAD, top + 0.285, words, va="center", zorder=5, fontsize=canvas.font(WHAT), color=muted)
    if box.parameters and most:
        share = box.parameters / most
        _share(plane, (left + PAD, top + tall - 0.045, wide - 2 * PAD), share, canvas.style.theme)


def _frame(canvas: Canvas, plane: Axes, box: Box, corner: tuple[float, float], extent: tuple[float, float]) -> None:
    """The box itself, those behind it where it stands for several, and the stripe of its family."""
    theme, (left, top), (wide, tall) = canvas.style.theme, corner, extent
    form: dict[str, Any] = {"boxstyle": "round,pad=0,rounding_size=0.06", "facecolor": theme.panel}
    for k in range(2 if box.times > 1 else 0, 0, -1):
        behind = (left + 0.045 * k, top + 0.045 * k)
        level = 2.5 - 0.1 * k
        plane.add_patch(FancyBboxPatch(behind, wide, tall, linewidth=0.7, edgecolor=theme.line, zorder=level, **form))
    edge, width = (FOR, 1.8) if box.failed else (theme.line, 0.9)
    plane.add_patch(FancyBboxPatch((left, top), wide, tall, linewidth=width, edgecolor=edge, zorder=3, **form))
    family = _family(box)
    if family:
        stripe: dict[str, Any] = {
            "color": family[1],
            "linewidth": 2.2 * canvas.zoom,
            "solid_capstyle": "round",
            "zorder": 4,
        }
        plane.plot([left + 0.05] * 2, [top + 0.08, top + tall - 0.08], **stripe)


def _share(plane: Axes, place: tuple[float, float, float], share: float, theme: Theme) -> None:
    """A thin bar along the lower edge of a box: its parameters as a share of the largest box's."""
    x, y, wide = place
    plane.plot([x, x + wide], [y, y], color=theme.line, linewidth=1.4, solid_capstyle="butt", zorder=4)
    plane.plot(
        [x, x + max(0.02, wide * share)], [y, y], color=CURVES[0], linewidth=1.4, solid_capstyle="butt", zorder=4.5
    )


def _links(
    canvas: Canvas, plane: Axes, drawing: Drawing, column: list[int], layout: Layout, corner: tuple[float, float]
) -> None:
    own = {box: i for i, box in enumerate(column)}
    links = [(own[a], own[b]) for a, b in drawing.links if a in own and b in own]
    road = set(pairwise(layout.spine))
    for pair, route in zip(links, layout.routes, strict=True):
        points = [(x + corner[0], y + corner[1]) for x, y in route]
        main = pair in road
        _arrow(canvas, plane, _smooth(points), main=main, back=pair[0] > pair[1])


def _smooth(points: list[tuple[float, float]]) -> Path:
    """A path that leaves and arrives vertically."""
    vertices, codes = [points[0]], [int(Path.MOVETO)]
    for (a, b), (c, d) in pairwise(points):
        middle = (b + d) / 2
        vertices += [(a, middle), (c, middle), (c, d)] if a != c else [(c, d)]
        codes += [int(Path.CURVE4)] * 3 if a != c else [int(Path.LINETO)]
    return Path(vertices, codes)


def _arrow(canvas: Canvas, plane: Axes, path: Path, *, main: bool, back: bool = False) -> None:
    theme = canvas.style.theme
    plane.add_patch(
        FancyArrowPatch(
            path=path,
            arrowstyle="-|>,head_length=3,head_width=1.7",
            fill=False,
            shrinkA=0,
            shrinkB=0,
            zorder=2 if main else 1.5,
            color=AGAINST if back else theme.muted,
            linewidth=1.1 if main else 0.8,
            linestyle="--" if back else "-",
            mutation_scale=min(1.0, canvas.zoom),
        )
    )


def _between(
    canvas: Canvas, plane: Axes, drawing: Drawing, centres: dict[int, tuple[float, float]], corner: tuple[float, float]
) -> None:
    """Links from the foot of one column to the head of the next."""
    home = {box: k for k, column in enumerate(drawing.columns) for box in column}
    left, height = corner
    edges = [left]
    for layout in drawing.layouts:
        edges.append(edges[-1] + layout.width + BETWEEN)
    for source, sink in drawing.links:
        if home[source] == home[sink]:
            continue
        (a, b), (c, d) = centres[source], centres[sink]
        lane = edges[home[source] + 1] - BETWEEN / 2
        start, end = b + drawing.sizes[source][1] / 2, d - drawing.sizes[sink][1] / 2
        low, high = min(height - 0.03, start + 0.12), max(0.05, end - 0.13)
        corners = [(a, start), (a, low), (lane, low), (lane, high), (c, high), (c, end)]
        _arrow(canvas, plane, Path(corners, [int(Path.MOVETO)] + [int(Path.LINETO)] * 5), main=True)
