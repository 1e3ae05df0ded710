"""A tall drawing cut into columns, as a newspaper is: between boxes, where few links pass and few frames are open."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from pellucid.render.nesting import Nested, Piece, Placed, Point

NEAR = 1e-6
BESIDE = 0.14
LINE, FRAME, FAR = 0.8, 1.0, 3.0


@dataclass(frozen=True)
class Crossing:
    """A link that a cut passes: its x, and whether it is on a main road."""

    x: float
    main: bool


@dataclass(frozen=True)
class Column:
    """One column; all places are those of the whole drawing.

    Args:
        top, bottom: which part of the drawing it is.
        left, right: extent of what is in it.
        placed: boxes in it, and the frames that reach into it.
        pieces: links, or what is left of them.
        entering: links that come from the column before.
    """

    top: float
    bottom: float
    left: float
    right: float
    placed: list[Placed]
    pieces: list[Piece]
    entering: list[Crossing]


def columns(whole: Nested, count: int) -> list[Column]:
    """The drawing in about so many columns of like height; fewer where there is no good place to cut."""
    lines = _Lines(whole)
    cuts = [0.0, *_cuts(lines, count), whole.height]
    return [_column(whole, lines, top, bottom) for top, bottom in pairwise(cuts)]


def crossings_at(whole: Nested, y: float) -> list[Crossing] | None:
    """Links that pass this height, from left to right; None where a box stands, or a link moves to the side."""
    return _Lines(whole).crossings(y)


class _Lines:
    """What a cut may meet, as arrays: upper and lower ends of boxes, of frames, and of every part of a link."""

    def __init__(self, whole: Nested) -> None:
        self.height = whole.height
        self.boxes = np.array([(one.top, one.top + one.height) for one in whole.placed if not one.box.inside])
        frames = [(one.top, one.top + one.height) for one in whole.placed if one.box.inside]
        self.frames = np.array(frames).reshape(-1, 2)
        self._owners = [piece for piece in whole.pieces for _ in pairwise(piece.points)]
        parts = [sorted(pair, key=lambda point: point[1]) for one in whole.pieces for pair in pairwise(one.points)]
        self._parts = np.array([(*a, *b) for a, b in parts]).reshape(-1, 4)

    def crossings(self, y: float) -> list[Crossing] | None:
        """See `crossings_at`."""
        if ((self.boxes[:, 0] + NEAR < y) & (y < self.boxes[:, 1] - NEAR)).any():
            return None
        passing = np.flatnonzero((self._parts[:, 1] - NEAR <= y) & (y < self._parts[:, 3] - NEAR))
        found: dict[tuple[float, int], bool] = {}
        for i in passing.tolist():
            x, top, other, _ = self._parts[i].tolist()
            if abs(x - other) > NEAR and top < y - NEAR:
                return None
            key = (round(x, 4), self._owners[i].source)
            found[key] = found.get(key, False) or self._owners[i].main
        return [Crossing(x, main) for (x, _), main in sorted(found.items())]

    def price(self, y: float, wish: float, step: float) -> float | None:
        """How bad it is to cut here; None where it cannot be."""
        found = self.crossings(y)
        if found is None:
            return None
        opened = int(((self.frames[:, 0] < y) & (y < self.frames[:, 1] - NEAR)).sum())
        return LINE * max(0, len(found) - 1) + FRAME * opened + FAR * abs(y - wish) / step


def _cuts(lines: _Lines, count: int) -> list[float]:
    heights = np.unique(np.concatenate([lines.boxes[:, 1], lines.frames[:, 1]]).round(6))
    made: list[float] = []
    for part in range(1, count):
        start = made[-1] if made else 0.0
        step = (lines.height - start) / (count - part + 1)
        near = heights[
            (heights - start > 0.5 * step) & (heights - start < 1.5 * step) & (heights < lines.height - NEAR)
        ]
        priced = [(price, y) for y in near.tolist() if (price := lines.price(y, start + step, step)) is not None]
        if priced:
            made.append(min(priced)[1])
    return made


def _column(whole: Nested, lines: _Lines, top: float, bottom: float) -> Column:
    held = [one for one in whole.placed if one.top < bottom - NEAR and one.top + one.height > top + NEAR]
    pieces = [part for piece in whole.pieces if (part := _between(piece, top, bottom)) is not None]
    placed = _narrowed(held, pieces, top, bottom)
    entering = (lines.crossings(top) or []) if top else []
    edges = [(one.left, one.left + one.width) for one in placed]
    edges += [(x, x) for piece in pieces for x, _ in piece.points]
    left, right = min((a for a, _ in edges), default=0.0), max((b for _, b in edges), default=0.0)
    return Column(top, bottom, left, right, placed, pieces, entering)


def _narrowed(held: list[Placed], pieces: list[Piece], top: float, bottom: float) -> list[Placed]:
    """Frames that a cut parts are no wider in a column than what is in them there; the name keeps its room."""
    made = list(held)
    for i in reversed(range(len(held))):
        one = held[i]
        end = one.top + one.height
        if not one.box.inside or (one.top > top - NEAR and end < bottom + NEAR):
            continue
        inner: list[tuple[float, float]] = []
        for k in range(i + 1, len(held)):
            if held[k].depth <= one.depth:
                break
            inner.append((made[k].left, made[k].left + made[k].width))
        own = (one.left - NEAR, one.left + one.width + NEAR)
        spans = [(x, x) for piece in pieces for x, y in piece.points if own[0] < x < own[1] and one.top < y < end]
        left = min((a for a, _ in inner + spans), default=one.left) - BESIDE
        right = max((b for _, b in inner + spans), default=own[1]) + BESIDE
        left = one.left if one.top > top - NEAR else max(left, one.left)
        made[i] = replace(one, left=left, width=min(right, one.left + one.width) - left)
    return made


def _between(piece: Piece, top: float, bottom: float) -> Piece | None:
    """The part of a link between two heights, where it passes both straight down."""
    points: list[Point] = []
    heights = [y for _, y in piece.points]
    if max(heights) <= top + NEAR or min(heights) >= bottom - NEAR:
        return None
    for a, b in pairwise(piece.points):
        ends = [(x, min(max(y, top), bottom)) for x, y in (a, b)]
        outside = max(a[1], b[1]) <= top + NEAR or min(a[1], b[1]) >= bottom - NEAR
        if not outside:
            points += [point for point in ends if not points or point != points[-1]]
    if len(points) < 2:
        return None
    return Piece(tuple(points), piece.source, piece.main, piece.ends and points[-1] == piece.points[-1], piece.back)
