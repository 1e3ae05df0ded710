"""Graph: the network as boxes from top to bottom, modules as frames, skips bent round the straight main road."""

from matplotlib.axes import Axes

from pellucid.core.messages import message
from pellucid.render.static import measure
from pellucid.render.static.graph_boxes import Painter
from pellucid.render.static.graph_links import bridges, links
from pellucid.render.static.graph_plan import BETWEEN, EDGE, LEAD, Plan, plan
from pellucid.render.static.graph_words import family
from pellucid.render.static.page import Canvas
from pellucid.render.static.theme import CURVES, Style
from pellucid.results.graph import Graph

LEGEND, ROW, WORDS = 0.34, 0.2, 7.0


def size(result: Graph, style: Style) -> tuple[float, float]:
    """Inches that the drawing takes."""
    made = plan(result, style)
    if made is None:
        return 3.0, 0.4
    width = max(made.width * made.scale, min(4.6, _legend_width(made)))
    return width, made.height * made.scale + LEGEND + ROW * (len(_rows(made, width)) - 1)


def remark(result: Graph, style: Style) -> str:
    """What a box is."""
    made = plan(result, style)
    if made is None:
        return ""
    count = sum(node["op"] not in ("input", "output", "raise") for node in result.nodes)
    folded = any(one.box.times > 1 for column in made.columns for one in column.placed)
    if not folded and len(made.boxes) >= count:
        return ""
    key = "graph.remark" if folded else "graph.remark.plain"
    return style.say(message(key, count=count, nodes=f"{count:,}", boxes=len(made.boxes)))


def draw(canvas: Canvas, result: Graph) -> None:
    """Draw frames, links, boxes and the legend."""
    made = plan(result, canvas.style)
    if made is None:
        canvas.text(0, 0, canvas.style.say(message("draw.nothing")), 9)
        return
    width, height = size(result, canvas.style)
    plane = canvas.plane(width, height)
    rows = _rows(made, width)
    for i, row in enumerate(rows):
        _legend(canvas, plane, row, height - 0.08 - ROW * (len(rows) - 1 - i))
    body = canvas.axes(0, 0, width, made.height * made.scale)
    body.set_xlim(0, width / made.scale)
    body.set_ylim(made.height, 0)
    body.patch.set_visible(False)
    painter = Painter(canvas, body, made)
    left = EDGE + (width / made.scale - made.width) / 2
    top = EDGE + LEAD * (len(made.columns) > 1)
    places: list[tuple[float, float]] = []
    for column in made.columns:
        places.append((left - column.left, top - column.top))
        left += column.right - column.left + BETWEEN
    for column, place in zip(made.columns, places, strict=True):
        painter.column(column, place)
        links(painter, column, place)
    bridges(painter, made.columns, places)


Entry = tuple[str, str, bool]


def _entries(made: Plan) -> list[Entry]:
    """Colour, words, and whether it is the bar."""
    families = dict.fromkeys(filter(None, map(family, made.boxes)))
    found = [(colour, made.style.say(message(f"graph.family.{name}")), False) for name, colour in families]
    if made.bars is not None:
        found.append((CURVES[0], made.style.say(made.bars.words), True))
    return found


def _room(entry: Entry) -> float:
    return measure.width(entry[1], WORDS) + (0.56 if entry[2] else 0.28)


def _legend_width(made: Plan) -> float:
    return sum(map(_room, _entries(made))) + 0.1


def _rows(made: Plan, width: float) -> list[list[Entry]]:
    """The legend in lines."""
    rows: list[list[Entry]] = [[]]
    for entry in _entries(made):
        if rows[-1] and sum(map(_room, rows[-1])) + _room(entry) - 0.1 > width:
            rows.append([])
        rows[-1].append(entry)
    return rows


def _legend(canvas: Canvas, plane: Axes, row: list[Entry], y: float) -> None:
    theme, x = canvas.style.theme, 0.05
    for colour, words, bar in row:
        thick = 2.2 * canvas.zoom
        if bar:
            plane.plot([x, x + 0.3], [y, y], color=theme.line, linewidth=thick, solid_capstyle="butt")
            plane.plot([x, x + 0.18], [y, y], color=colour, linewidth=thick, solid_capstyle="butt")
        else:
            plane.plot([x, x], [y - 0.06, y + 0.06], color=colour, linewidth=thick, solid_capstyle="round")
        at = x + (0.36 if bar else 0.08)
        plane.text(at, y, words, fontsize=canvas.font(WORDS), va="center_baseline", color=theme.muted)
        x += _room((colour, words, bar))
