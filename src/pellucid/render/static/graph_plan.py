"""A graph as it will lie on the page: boxes, columns, and the scale that keeps it printable."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pellucid.render.collapse import Box, closed, collapse
from pellucid.render.columns import Column, columns
from pellucid.render.nesting import nest
from pellucid.render.overlay import Overlay, overlay
from pellucid.render.static import measure
from pellucid.render.static.graph_words import PAD, Density, density, extent, shape_of, told, types_of
from pellucid.render.static.theme import Style
from pellucid.results.graph import Graph

TALLEST, BROADEST, AREA, LONGEST = 9.5, 7.7, 420.0, 80.0
BETWEEN, EDGE, LEAD = 0.5, 0.12, 0.34


@dataclass(frozen=True)
class Plan:
    """One picture.

    Args:
        boxes: closed boxes by number.
        nodes: records by id.
        told: what the model raised, in lines.
        dense: how much is said.
        columns: from left to right.
        bars: the overlay, or None.
        scale: inches on the page for an inch of the plan.
    """

    boxes: list[Box]
    nodes: Mapping[int, Mapping[str, Any]]
    told: list[str]
    dense: Density
    columns: list[Column]
    bars: Overlay | None
    scale: float
    style: Style

    @property
    def width(self) -> float:
        """Of all columns, in inches of the plan."""
        return sum(one.right - one.left for one in self.columns) + BETWEEN * (len(self.columns) - 1) + 2 * EDGE

    @property
    def height(self) -> float:
        """Of the tallest column, with what leads into and out of it."""
        lead = LEAD * (len(self.columns) > 1)
        return max(one.bottom - one.top for one in self.columns) + 2 * EDGE + 2 * lead

    def detail(self, box: Box, room: float = math.inf) -> str:
        """What a box does and the shape that it gives, the first wording that fits."""
        points = self.dense.detail or self.dense.name - 1
        shape = shape_of(box, self.nodes)
        said = [" · ".join(part for part in (what, shape) if part) for what in types_of(box, self.nodes, self.style)]
        fitting = (words for words in said if room == math.inf or measure.width(words, points) <= room + 0.01)
        return next(fitting, "") or measure.shorten(said[-1], room, points)

    def widest(self, box: Box) -> str:
        """The first wording that fits the widest box."""
        return self.detail(box, self.dense.wide - 2 * PAD)


@lru_cache(maxsize=16)
def plan(result: Graph, style: Style) -> Plan | None:
    """The picture of a graph; None where there is nothing to draw."""
    boxes, links = collapse(
        result.nodes,
        result.edges,
        result.folds,
        modules=result.modules,
        failed=result.failed,
        depth=result.depth,
        opened=result.open,
    )
    if not boxes:
        return None
    shown = list(closed(boxes))
    dense = density(len(shown))
    nodes = {int(node["id"]): node for node in result.nodes}
    said = told(result.notes, style) if result.failed is not None and dense.name else []
    bare = Plan(shown, nodes, said, dense, [], None, 1.0, style)
    whole = nest(
        boxes,
        links,
        lambda box: extent(
            box,
            dense,
            box.kind if box.inside else bare.widest(box),
            len(said) if box.failed and not box.inside else 0,
        ),
        dense.room,
    )
    parts = columns(whole, _count(whole.width, whole.height))
    made = Plan(shown, nodes, said, dense, parts, overlay(result.overlay, result.nodes, shown), 1.0, style)
    fit = min(1.0, math.sqrt(AREA / (made.width * made.height)), LONGEST / made.width, LONGEST / made.height)
    return Plan(shown, nodes, said, dense, parts, made.bars, fit, style)


def _count(width: float, height: float) -> int:
    """How many columns make a page of a readable form."""
    if height <= TALLEST:
        return 1
    count = math.ceil(height / TALLEST)
    fitting = max(1, int((BROADEST + BETWEEN) / (width + BETWEEN)))
    if count <= fitting:
        return count
    square = round(math.sqrt(height / (width + BETWEEN)))
    return max(fitting, 1) if height / fitting <= 1.45 * TALLEST else max(square, 1)
