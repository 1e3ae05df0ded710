"""Links of a graph, and the bridges from the foot of one column to the head of the next."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.path import Path

from pellucid.render.columns import Column, Crossing
from pellucid.render.static.graph_boxes import Painter
from pellucid.render.static.graph_plan import BETWEEN, LEAD
from pellucid.render.static.theme import AGAINST

MOST = 5
TIP, HALF = 0.055, 0.026
MAIN, SIDE = 1.1, 0.8

Point = tuple[float, float]


def links(painter: Painter, column: Column, shift: Point) -> None:
    """Draw what is in one column."""
    tip = TIP if painter.plan.dense.name else 0.0
    for kind in ((False, False), (True, False), (False, True)):
        chosen = [piece for piece in column.pieces if (piece.main and not piece.back, piece.back) == kind]
        routes = [np.add(piece.points, shift) for piece in chosen]
        heads = [route[-1] for piece, route in zip(chosen, routes, strict=True) if piece.ends and tip]
        for piece, route in zip(chosen, routes, strict=True):
            if piece.ends:
                route[-1, 1] -= 0.7 * tip * (-1 if piece.back else 1)
        _lines(painter, [_smooth(route) for route in _once(routes)], main=kind[0], back=kind[1])
        _heads(painter, heads, back=kind[1])


def _once(routes: Sequence[np.ndarray]) -> list[list[Point]]:
    """The routes without what another one has drawn already: links of one source share their way."""
    drawn: set[tuple[Point, Point]] = set()
    found: list[list[Point]] = []
    for route in routes:
        points: list[Point] = [(x, y) for x, y in route.tolist()]
        run: list[Point] = []
        for pair in pairwise(points):
            if pair in drawn:
                found += [run] if run else []
                run = []
            else:
                run = [*(run or pair[:1]), pair[1]]
                drawn.add(pair)
        found += [run] if run else []
    return found


def _lines(painter: Painter, paths: Sequence[Path], *, main: bool, back: bool = False) -> None:
    theme, zoom = painter.theme, min(1.0, painter.zoom) * (1.0 if painter.plan.dense.name else 0.5)
    if paths:
        drawn = PathCollection(
            paths,
            facecolors="none",
            edgecolors=AGAINST if back else theme.muted,
            linewidths=(MAIN if main else SIDE) * zoom,
            linestyles="--" if back else "-",
            zorder=2.2 if main else 2,
        )
        drawn.set_snap(False)  # a bridge would else end beside the link that it goes on with
        painter.plane.add_collection(drawn, autolim=False)


def _heads(painter: Painter, ends: Sequence[np.ndarray], *, back: bool) -> None:
    """Tips of arrows at these places, downward, or upward where the link leads back."""
    if ends:
        up = -1 if back else 1
        form = np.array([(0.0, 0.0), (-HALF, -TIP * up), (HALF, -TIP * up)])
        colour = AGAINST if back else painter.theme.muted
        tips = PolyCollection([end + form + (0, 0.7 * TIP * up) for end in ends], facecolors=colour, zorder=2.3)
        painter.plane.add_collection(tips, autolim=False)


def bridges(painter: Painter, columns: Sequence[Column], places: Sequence[Point]) -> None:
    """Lead every link that a cut passes to the next column; many of them by a number at both ends."""
    for (before, after), (here, there) in zip(pairwise(columns), pairwise(places), strict=True):
        many = after.entering
        foot, head = before.bottom + here[1], after.top + there[1]
        gutter = before.right + here[0] + BETWEEN / 2
        for i, one in enumerate(many):
            if len(many) > MOST:
                _tag(painter, one, i, (one.x + here[0], foot), (one.x + there[0], head))
                continue
            step = (LEAD - 0.12) * (i + 1) / (len(many) + 1)
            lane = gutter + BETWEEN * 0.5 * ((i + 0.5) / len(many) - 0.5)
            start, end = one.x + here[0], one.x + there[0]
            low, high = foot + 0.14 + step * (1 - i / MOST), head - 0.14 - step
            corners = [(start, foot), (start, low), (lane, low), (lane, high), (end, high), (end, head)]
            path = Path(corners, [int(Path.MOVETO)] + [int(Path.LINETO)] * 5)
            _lines(painter, [path], main=one.main)


def _tag(painter: Painter, one: Crossing, i: int, foot: Point, head: Point) -> None:
    """The same number where a link leaves a column and where it goes on."""
    for (x, y), step in ((foot, 1), (head, -1)):
        _lines(painter, [Path([(x, y), (x, y + 0.1 * step)])], main=one.main)
        size = painter.font(5.5)
        if size:
            place = y + (0.17 + 0.07 * (i % 2)) * step
            painter.plane.text(
                x, place, str(i + 1), fontsize=size, ha="center", va="center", color=painter.theme.muted, zorder=5
            )


def _smooth(points: Sequence[Point]) -> Path:
    """A path that leaves and arrives vertically."""
    vertices, codes = [points[0]], [int(Path.MOVETO)]
    for (a, b), (c, d) in pairwise(points):
        middle = (b + d) / 2
        bent = abs(a - c) > 1e-6
        vertices += [(a, middle), (c, middle), (c, d)] if bent else [(c, d)]
        codes += [int(Path.CURVE4)] * 3 if bent else [int(Path.LINETO)]
    return Path(vertices, codes)
