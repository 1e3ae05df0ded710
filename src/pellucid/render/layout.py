"""Layered layout of one level of a graph, top down: longest-path ranks, median sweeps, a straight spine.

Everything is plain Python over small lists: the web side has the same algorithm.
"""

import math
from bisect import bisect_right, insort
from collections.abc import Container, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

SWEEPS = 8
PASSES = 6
STRAIGHTENINGS = 4
STRAIGHT = 1e6
LANE_WEIGHT = 1e3
PORT = 1000
NARROWER = 0.5
SNAP = 0.05
BONUS = 2.0**-16

Neighbours = dict[int, tuple[list[int], list[int]]]


@dataclass(frozen=True)
class Size:
    """How much room a box takes.

    Args:
        width, height: of the box.
        anchor: distance of its main road from its left edge; None: its middle.
    """

    width: float
    height: float
    anchor: float | None = None

    @property
    def left(self) -> float:
        """From the left edge to the main road."""
        return self.width / 2 if self.anchor is None else self.anchor

    @property
    def right(self) -> float:
        """From the main road to the right edge."""
        return self.width - self.left


@dataclass(frozen=True)
class Layout:
    """Where boxes and links are; x to the right, y downward, in the unit of the sizes.

    Args:
        roads: place `(x, y)` of each box: x of its main road, y of its upper edge.
        routes: points of each link from the lower edge of its source to the upper edge of its sink.
        ranks: layer of each box, 0 on top.
        spine: boxes of the main road, a longest path; they share one x.
        width, height: extent of everything, from (0, 0).
    """

    roads: list[tuple[float, float]]
    routes: list[list[tuple[float, float]]]
    ranks: list[int]
    spine: tuple[int, ...]
    width: float
    height: float


@dataclass(frozen=True)
class Gaps:
    """Distances: between boxes of one rank, between ranks, and the width that a passing link takes."""

    across: float = 0.25
    down: float = 0.3
    lane: float = 0.12


@dataclass(frozen=True)
class Link:
    """A link between two boxes.

    Args:
        source, sink: which boxes.
        start, end: where it leaves and arrives, to the right of their main roads.
    """

    source: int
    sink: int
    start: float = 0.0
    end: float = 0.0


def arrange(
    sizes: Sequence[Size],
    links: Sequence[Link],
    *,
    gaps: Gaps = Gaps(),
    top: frozenset[int] = frozenset(),
    bottom: frozenset[int] = frozenset(),
) -> Layout:
    """Place boxes given in execution order.

    Args:
        sizes: of each box.
        links: between them; one that goes backward in the order is drawn upward and ranks nothing. Links of one source
            share a lane.
        gaps: distances.
        top, bottom: boxes without height that stand above and below all others: where links enter and leave a frame.
    """
    if not sizes:
        return Layout([], [], [], (), 0.0, 0.0)
    place = sorted(range(len(sizes)), key=lambda i: (i not in top, i in bottom, i))
    order = {box: k for k, box in enumerate(place)}
    wires = [_Wire.of(one, order) for one in links]
    forward = sorted({one.pair for one in wires if one.upper != one.lower}, key=lambda pair: [order[i] for i in pair])
    rank = ranks(len(sizes), forward, top, bottom)
    straight = {one.pair for one in wires if one.out == one.into == 0}
    spine = longest(len(sizes), forward, top, bottom, straight)
    levels, chains, near = _with_lanes(place, rank, wires)
    _order(levels, near, set(spine))
    sides = [(one.left, one.right) for one in sizes] + [(gaps.lane / 2, gaps.lane / 2)] * sum(map(len, chains.values()))
    held = _held(spine, rank, wires, chains)
    x = _across(levels, near, sides, held, gaps.across)
    _straighten(x, levels, list(chains.values()), held, sides, gaps.across)
    left = min(x[i] - sides[i][0] for i in range(len(sides)))
    x = [road - left for road in x]
    rows = _rows(levels, sizes, _steps(len(levels), gaps.down, len(top), len(bottom)))
    roads = [
        (x[i], rows[rank[i]][0] + (rows[rank[i]][1] - size.height) * _drop(near[i])) for i, size in enumerate(sizes)
    ]
    routes = [_route(one, sizes, roads, x, chains, rank, rows) for one in wires]
    width = max(x[i] + sides[i][1] for i in range(len(sides)))
    return Layout(roads, routes, rank, spine, width, rows[-1][0] + rows[-1][1])


def ranks(
    count: int,
    links: Sequence[tuple[int, int]],
    top: frozenset[int] = frozenset(),
    bottom: frozenset[int] = frozenset(),
) -> list[int]:
    """Longest path from a source; a source stands right above its first reader, `top` above and `bottom` below all.

    Links are sorted by where their sources stand in execution order, and lead forward in it.
    """
    rank = [0 if box in top or not top else 1 for box in range(count)]
    for source, sink in links:
        rank[sink] = max(rank[sink], rank[source] + 1)
    fed = {sink for _, sink in links}
    readers: dict[int, list[int]] = {}
    for source, sink in links:
        readers.setdefault(source, []).append(sink)
    lowest = max((rank[box] for box in range(count) if box not in bottom), default=-1) + 1
    for box in bottom:
        rank[box] = lowest
    for box in reversed(range(count)):
        if box not in fed and box in readers and box not in top:
            rank[box] = min(rank[sink] for sink in readers[box]) - 1
    used = {value: i for i, value in enumerate(sorted(set(rank)))}
    return [used[value] for value in rank]


def longest(
    count: int,
    links: Sequence[tuple[int, int]],
    top: frozenset[int] = frozenset(),
    bottom: frozenset[int] = frozenset(),
    straight: Container[tuple[int, int]] = (),
) -> tuple[int, ...]:
    """One longest path, from `top` to `bottom` where that can be.

    Of equal ones that with more `straight` links, then that over the later boxes: the body and not the shortcut; where
    more than two branches meet, that in the middle of them.
    """
    best = [1.0 + PORT * (box in top or box in bottom) for box in range(count)]
    own, back = list(best), [list[int]() for _ in range(count)]
    for source, sink in links:
        length = best[source] + own[sink] + BONUS * ((source, sink) in straight)
        if length >= best[sink]:
            back[sink] = [*back[sink], source] if length == best[sink] else [source]
            best[sink] = length
    path = [max(range(count), key=lambda i: (best[i], i))]
    while equal := back[path[-1]]:
        path.append(equal[len(equal) // 2 if len(equal) > 2 and top.isdisjoint(equal) else -1])
    return tuple(reversed(path))


def crossings(levels: Sequence[Sequence[int]], near: Neighbours) -> int:
    """How many pairs of links cross between neighbouring levels."""
    total = 0
    for upper, lower in pairwise(levels):
        position = {box: i for i, box in enumerate(lower)}
        seen: list[int] = []
        for box in upper:
            ends = [position[sink] for sink in near[box][1]]
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


Net = tuple[int, float]


@dataclass(frozen=True)
class _Wire:
    """A link as it lies: its upper end, its lower end, where it leaves and arrives, and whether it leads upward."""

    upper: int
    lower: int
    out: float
    into: float
    back: bool

    @classmethod
    def of(cls, link: Link, order: dict[int, int]) -> "_Wire":
        """Of two boxes the one that stands earlier is above."""
        if order[link.source] <= order[link.sink]:
            return cls(link.source, link.sink, link.start, link.end, back=False)
        return cls(link.sink, link.source, link.end, link.start, back=True)

    @property
    def pair(self) -> tuple[int, int]:
        """Upper and lower box."""
        return self.upper, self.lower

    @property
    def net(self) -> Net:
        """Links that leave one place share a lane."""
        return self.upper, self.out


def _with_lanes(
    place: Sequence[int], rank: list[int], wires: Sequence[_Wire]
) -> tuple[list[list[int]], dict[Net, list[int]], Neighbours]:
    """Levels with a stand-in wherever the links of one place pass a rank; the stand-ins of each; neighbours."""
    levels: list[list[int]] = [[] for _ in range(max(rank) + 1)]
    for box in place:
        levels[rank[box]].append(box)
    near: Neighbours = {box: ([], []) for box in place}
    readers: dict[Net, dict[int, None]] = {}
    for wire in wires:
        if wire.upper != wire.lower:
            readers.setdefault(wire.net, {})[wire.lower] = None
    chains: dict[Net, list[int]] = {}
    following = len(place)
    for net, sinks in readers.items():
        top, last = rank[net[0]], max(rank[sink] for sink in sinks)
        chain = chains[net] = list(range(following, following + max(0, last - top - 1)))
        following += len(chain)
        for offset, stand_in in enumerate(chain):
            near[stand_in] = ([], [])
            levels[top + 1 + offset].append(stand_in)
        steps = [net[0], *chain]
        for upper, lower in [*pairwise(steps), *((steps[rank[sink] - top - 1], sink) for sink in sinks)]:
            near[upper][1].append(lower)
            near[lower][0].append(upper)
    return levels, chains, near


def _order(levels: list[list[int]], near: Neighbours, spine: set[int]) -> None:
    """Median sweeps down and up; the best order seen is kept."""
    best, fewest = [list(level) for level in levels], crossings(levels, near)
    for sweep in range(SWEEPS):
        if fewest == 0:
            break
        downward = sweep % 2 == 0
        side = 0 if downward else 1
        for i in range(1, len(levels)) if downward else range(len(levels) - 2, -1, -1):
            fixed = {box: k for k, box in enumerate(levels[i - 1 if downward else i + 1])}
            wish: dict[int, tuple[float, bool, int]] = {}
            for k, box in enumerate(levels[i]):
                around = [fixed[other] for other in near[box][side]]
                wish[box] = (median(around) if around else k, box not in spine, k)
            levels[i].sort(key=wish.__getitem__)
        count = crossings(levels, near)
        if count < fewest:
            best, fewest = [list(level) for level in levels], count
    levels[:] = best


def _held(spine: tuple[int, ...], rank: list[int], wires: Sequence[_Wire], chains: dict[Net, list[int]]) -> set[int]:
    """What the main road runs through, stand-ins included."""
    held, road = set(spine), set(pairwise(spine))
    for wire in wires:
        if wire.pair in road:
            road.discard(wire.pair)
            held.update(chains[wire.net][: rank[wire.lower] - rank[wire.upper] - 1])
    return held


def _across(
    levels: list[list[int]], near: Neighbours, sides: list[tuple[float, float]], held: set[int], gap: float
) -> list[float]:
    """X of the main road of everything: near the mean of its neighbours, in order, apart, the spine at 0."""
    x = [0.0] * len(sides)
    for step in range(PASSES):
        for level in levels if step % 2 == 0 else reversed(levels):
            wish, weight = [], []
            for box in level:
                around = near[box][0] + near[box][1] if step else near[box][0]
                wish.append(0.0 if box in held else fmean(x[other] for other in around) if around else x[box])
                weight.append(STRAIGHT if box in held else 1.0 + len(around))
            for box, road in zip(level, _apart(level, wish, weight, sides, gap), strict=True):
                x[box] = road
    return x


def _straighten(
    x: list[float],
    levels: list[list[int]],
    chains: list[list[int]],
    held: set[int],
    sides: list[tuple[float, float]],
    gap: float,
) -> None:
    """Give every lane that passes several ranks one x, outside of what it passes."""
    for _ in range(STRAIGHTENINGS):
        wish, weight = list(x), [STRAIGHT if box in held else 1.0 for box in range(len(x))]
        for chain in chains:
            if len(chain) > 1 and not held.intersection(chain):
                roads = [x[stand_in] for stand_in in chain]
                lane = max(roads) if sum(roads) >= 0 else min(roads)
                for stand_in in chain:
                    wish[stand_in], weight[stand_in] = lane, LANE_WEIGHT
        for level in levels:
            found = _apart(level, [wish[box] for box in level], [weight[box] for box in level], sides, gap)
            for box, road in zip(level, found, strict=True):
                x[box] = road


def _apart(
    level: list[int], wish: list[float], weight: list[float], sides: list[tuple[float, float]], gap: float
) -> list[float]:
    """The places nearest to the wishes (weighted squares) that keep order and distance: pooled neighbours."""
    if len(level) == 1:
        return wish
    offsets = [0.0]
    for before, after in pairwise(level):
        offsets.append(offsets[-1] + sides[before][1] + sides[after][0] + gap)
    pools: list[tuple[float, float, int]] = []
    for value, heavy, offset in zip(wish, weight, offsets, strict=True):
        pools.append((value - offset, heavy, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, u, m), (b, v, n) = pools[-2], pools[-1]
            pools[-2:] = [((a * u + b * v) / (u + v), u + v, m + n)]
    flat = [value for value, _, times in pools for _ in range(times)]
    return [value + offset for value, offset in zip(flat, offsets, strict=True)]


def _drop(near: tuple[list[int], list[int]]) -> float:
    """Where a box stands in a higher rank: what reads nothing at the bottom, what nothing reads on top."""
    above, below = near
    return 0.5 if above and below else 0.0 if above else 1.0 if below else 0.5


def _steps(count: int, down: float, top: int, bottom: int) -> list[float]:
    """Distances between ranks; less beside a single gate, where nothing moves to the side."""
    steps = [down] * (count - 1)
    if steps and top == 1:
        steps[0] *= NARROWER
    if steps and bottom == 1:
        steps[-1] *= NARROWER
    return steps


def _rows(levels: list[list[int]], sizes: Sequence[Size], steps: Sequence[float]) -> list[tuple[float, float]]:
    """Upper edge and height of every rank."""
    heights = [max((sizes[box].height for box in level if box < len(sizes)), default=0.0) for level in levels]
    rows = [(0.0, heights[0])]
    for height, step in zip(heights[1:], steps, strict=True):
        rows.append((rows[-1][0] + rows[-1][1] + step, height))
    return rows


def _route(
    wire: _Wire,
    sizes: Sequence[Size],
    roads: list[tuple[float, float]],
    x: list[float],
    chains: dict[Net, list[int]],
    rank: list[int],
    rows: list[tuple[float, float]],
) -> list[tuple[float, float]]:
    """Points of one link: straight down past every rank that it only passes, and past its own."""
    upper, lower = wire.pair
    if upper == lower:
        return []
    start, end = roads[upper][0] + wire.out, roads[lower][0] + wire.into
    points = [(start, roads[upper][1] + sizes[upper].height), (start, sum(rows[rank[upper]]))]
    across = math.inf
    for stand_in, level in zip(chains[wire.net], range(rank[upper] + 1, rank[lower]), strict=False):
        across = across if abs(x[stand_in] - across) < SNAP else x[stand_in]
        points += [(across, rows[level][0]), (across, sum(rows[level]))]
    points += [(end, rows[rank[lower]][0]), (end, roads[lower][1])]
    points = [point for i, point in enumerate(points) if i == 0 or point != points[i - 1]]
    return points[::-1] if wire.back else points
