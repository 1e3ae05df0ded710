"""Frames around frames: every open module is laid out by itself, from the inside outward, and takes room in the next.

A link between boxes of different frames is led through a gate in the edge of each frame on its way, one gate for each
box that it comes from, so that a line in a frame is told apart from its neighbours.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from pellucid.render.collapse import Box
from pellucid.render.layout import Gaps, Layout, Link, Size, arrange

GATES = 6

Point = tuple[float, float]


@dataclass(frozen=True)
class Room:
    """What a frame adds around its boxes: above them (for its name), beside and below."""

    head: float = 0.26
    side: float = 0.14
    foot: float = 0.1
    gaps: Gaps = field(default_factory=Gaps)


@dataclass(frozen=True)
class Placed:
    """A box or a frame where it is drawn.

    Args:
        box: what it is.
        left, top, width, height: where it is.
        title: room for the name of a frame, left of everything that enters it.
        depth: how many frames are around it.
    """

    box: Box
    left: float
    top: float
    width: float
    height: float
    title: float
    depth: int


@dataclass(frozen=True)
class Piece:
    """A link, or a part of one between two gates.

    Args:
        points: from its source to its sink; every move to the side lies between two ranks.
        source: number of the box that it comes from, -1 where several were joined at a gate.
        main: whether it lies on the main road of its frame.
        ends: whether it arrives at a box, and not at a gate.
        back: whether it leads upward.
    """

    points: tuple[Point, ...]
    source: int
    main: bool
    ends: bool
    back: bool


@dataclass(frozen=True)
class Nested:
    """Everything placed: boxes and frames from outside to inside, links, and the extent from (0, 0)."""

    placed: list[Placed]
    pieces: list[Piece]
    width: float
    height: float


def nest(
    boxes: Sequence[Box],
    links: Iterable[tuple[int, int]],
    extent: Callable[[Box], tuple[float, float]],
    room: Room = Room(),
) -> Nested:
    """Place boxes and frames.

    Args:
        boxes: those that stand in no frame, in execution order.
        links: pairs of numbers of closed boxes.
        extent: width and height of a closed box; of a frame the least width, and the width of its name.
        room: distances.
    """
    whole = _Frame(None, list(boxes))
    ways = {box.number: way for box, way in _ways(whole)}
    for source, sink in links:
        _lead(ways[source], ways[sink], source)
    whole.settle(extent, room)
    found = Nested([], [], whole.layout.width, whole.layout.height)
    whole.put(found, 0.0, 0.0, 0)
    return found


def _ways(frame: "_Frame") -> Iterable[tuple[Box, list[tuple["_Frame", int]]]]:
    """Every closed box with the frames around it, from outside, and which of the boxes in each leads to it."""
    for i, box in enumerate(frame.boxes):
        if box.inside:
            inner = frame.inner[i] = _Frame(box, list(box.inside))
            for leaf, way in _ways(inner):
                yield leaf, [(frame, i), *way]
        else:
            yield box, [(frame, i)]


def _lead(out: list[tuple["_Frame", int]], into: list[tuple["_Frame", int]], source: int) -> None:
    """Note a link in every frame that it passes."""
    common = 0
    while out[common] == into[common]:
        common += 1
    frame, first, second = out[common][0], out[common][1], into[common][1]
    frame.links[first, second, source] = None
    for outer, i in out[common + 1 :]:
        outer.links[i, outer.gate(source, below=True), source] = None
    for outer, i in into[common + 1 :]:
        outer.links[outer.gate(source, below=False), i, source] = None


class _Frame:
    """One frame while it is laid out. A gate is counted after the boxes."""

    def __init__(self, box: Box | None, boxes: list[Box]) -> None:
        self.box, self.boxes = box, boxes
        self.inner: dict[int, _Frame] = {}
        self.links: dict[tuple[int, int, int], None] = {}
        self.gates: dict[tuple[int, bool], int] = {}
        self.sides: list[bool] = []
        self.joined: set[int] = set()
        self.sizes: list[Size] = []
        self.layout = Layout([], [], [], (), 0.0, 0.0)
        self.size = Size(0.0, 0.0)
        self.corner = (0.0, 0.0)
        self.title = 0.0

    def gate(self, source: int, *, below: bool) -> int:
        """The gate above or below for what comes from a box; the last one is for all that are too many."""
        if (source, below) not in self.gates:
            if self.sides.count(below) < GATES:
                self.gates[source, below] = len(self.boxes) + len(self.sides)
                self.sides.append(below)
            else:
                last = len(self.boxes) + max(i for i, side in enumerate(self.sides) if side == below)
                self.gates[source, below] = last
                self.joined.add(last)
        return self.gates[source, below]

    @property
    def road(self) -> float:
        """X of the main road inside."""
        return self.layout.roads[self.layout.spine[0]][0]

    def settle(self, extent: Callable[[Box], tuple[float, float]], room: Room) -> None:
        """Lay out what is inside, then itself."""
        for inner in self.inner.values():
            inner.settle(extent, room)
        self.sizes = [self.inner[i].size if i in self.inner else Size(*extent(box)) for i, box in enumerate(self.boxes)]
        self.sizes += [Size(0.0, 0.0 if below else room.head) for below in self.sides]
        links = [
            Link(a, b, self._offset(a, source, below=True), self._offset(b, source, below=False))
            for a, b, source in self.links
        ]
        gates = {
            side: frozenset(len(self.boxes) + i for i, one in enumerate(self.sides) if one == side)
            for side in (True, False)
        }
        self.layout = arrange(self.sizes, links, gaps=room.gaps, top=gates[False], bottom=gates[True])
        if self.box is not None:
            self._enclose(extent(self.box), room)

    def _offset(self, i: int, source: int, *, below: bool) -> float:
        """How far to the right of its main road a link of `source` leaves or enters a box."""
        inner = self.inner.get(i)
        return inner.layout.roads[inner.gates[source, below]][0] - inner.road if inner else 0.0

    def _enclose(self, least: tuple[float, float], room: Room) -> None:
        """The frame itself; its name stands to the left of what enters it."""
        gates = [self.layout.roads[len(self.boxes) + i][0] for i, below in enumerate(self.sides) if not below]
        entered = self.road - min(gates, default=self.road)
        left = max(self.road + room.side, entered + least[1])
        self.title = left - entered
        right = max(self.layout.width - self.road + room.side, least[0] - left)
        drop = 0.0 if False in self.sides else room.head
        self.corner = (left - self.road, drop)
        foot = 0.0 if True in self.sides else room.foot
        self.size = Size(left + right, drop + self.layout.height + foot, left)

    def put(self, found: Nested, x: float, y: float, depth: int) -> None:
        """Add everything inside, whose upper left corner is at (x, y)."""
        road = set(pairwise(self.layout.spine))
        for (a, b, source), route in zip(self.links, self.layout.routes, strict=True):
            points = [(x + across, y + down) for across, down in route]
            if a >= len(self.boxes):
                points.insert(0, (points[0][0], y))
            ends = b < len(self.boxes) and b not in self.inner
            known = -1 if {a, b} & self.joined else source
            found.pieces.append(Piece(tuple(points), known, (a, b) in road, ends, points[0][1] > points[-1][1]))
        for i, (box, size) in enumerate(zip(self.boxes, self.sizes, strict=False)):
            middle, top = x + self.layout.roads[i][0], y + self.layout.roads[i][1]
            left = middle - size.left
            title = self.inner[i].title if i in self.inner else 0.0
            found.placed.append(Placed(box, left, top, size.width, size.height, title, depth))
            if i in self.inner:
                across, down = self.inner[i].corner
                self.inner[i].put(found, left + across, top + down, depth + 1)
