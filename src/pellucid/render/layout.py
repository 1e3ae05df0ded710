"""Layered layout of a directed graph, top down: longest-path ranks, median sweeps, a straight spine.

Everything is plain Python over small lists: the web side has the same algorithm.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

SWEEPS = 8
PASSES = 6
STRAIGHTENINGS = 4
STRAIGHT = 1e6


@dataclass(frozen=True)
class Layout:
    """Where boxes and links are; x to the right, y downward, in the unit of the sizes.

    Args:
        centres: centre `(x, y)` of each box.
        routes: points of each link from the lower edge of its source to the upper edge of its sink.
        ranks: layer of each box, 0 on top.
        spine: boxes of the main road, a longest path; they share one x.
        width, height: extent of everything, from (0, 0).
    """

    centres: list[tuple[float, float]]
    routes: list[list[tuple[float, float]]]
    ranks: list[int]
    spine: tuple[int, ...]
    width: float
    height: float


def arrange(
    sizes: Sequence[tuple[float, float]],
    links: Sequence[tuple[int, int]],
    *,
    across: float = 0.25,
    down: float = 0.3,
    lane: float = 0.12,
) -> Layout:
    """Place boxes given in execution order.

    Args:
        sizes: width and height of each box.
        links: pairs of box indices; one that goes backward in the order is drawn upward and ranks nothing.
        across: least distance between boxes of one rank.
        down: distance between ranks.
        lane: width that a passing link takes.
    """
    if not sizes:
        return Layout([], [], [], (), 0.0, 0.0)
    forward = sorted({(min(pair), max(pair)) for pair in links if pair[0] != pair[1]})
    rank = ranks(len(sizes), forward)
    spine = longest(len(sizes), forward)
    levels, chains, near = _with_lanes(sizes, rank, forward)
    _order(levels, near, set(spine))
    widths = [size[0] for size in sizes] + [lane] * sum(map(len, chains.values()))
    held = _held(spine, chains)
    x = _across(levels, near, widths, held, across)
    _straighten(x, levels, list(chains.values()), held, widths, across)
    tops, heights = _rows(levels, sizes, down)
    left = min(x[i] - widths[i] / 2 for i in range(len(widths)))
    x = [place - left for place in x]
    centres = [(x[i], tops[rank[i]] + heights[rank[i]] / 2) for i in range(len(sizes))]
    place = {node: (tops[level], tops[level] + heights[level]) for level, row in enumerate(levels) for node in row}
    routes = [_route(pair, sizes, centres, x, chains, place) for pair in links]
    return Layout(
        centres, routes, rank, spine, max(x[i] + widths[i] / 2 for i in range(len(widths))), tops[-1] + heights[-1]
    )


def ranks(count: int, links: Sequence[tuple[int, int]]) -> list[int]:
    """Longest path from a source; a source stands right above its first reader. Links go from lower to higher index."""
    rank = [0] * count
    for source, sink in sorted(links):
        rank[sink] = max(rank[sink], rank[source] + 1)
    fed = {sink for _, sink in links}
    readers: dict[int, list[int]] = {}
    for source, sink in links:
        readers.setdefault(source, []).append(sink)
    for node in reversed(range(count)):
        if node not in fed and node in readers:
            rank[node] = min(rank[sink] for sink in readers[node]) - 1
    used = {value: i for i, value in enumerate(sorted(set(rank)))}
    return [used[value] for value in rank]


def longest(count: int, links: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """One longest path; of equal ones that over the later nodes, which is the body and not the shortcut."""
    best, back = [1] * count, [-1] * count
    for source, sink in sorted(links):
        if best[source] + 1 >= best[sink]:
            best[sink], back[sink] = best[source] + 1, source
    node = max(range(count), key=lambda i: (best[i], i))
    path = [node]
    while back[path[-1]] >= 0:
        path.append(back[path[-1]])
    return tuple(reversed(path))


def crossings(levels: Sequence[Sequence[int]], near: dict[int, tuple[list[int], list[int]]]) -> int:
    """How many pairs of links cross between neighbouring levels."""
    total = 0
    for upper, lower in pairwise(levels):
        position = {node: i for i, node in enumerate(lower)}
        ends = [position[sink] for node in upper for sink in sorted(near[node][1], key=lambda n: position[n])]
        total += sum(ends[j] > ends[i] for i in range(len(ends)) for j in range(i)) if len(ends) < 400 else 0
    return total


def _with_lanes(
    sizes: Sequence[tuple[float, float]], rank: list[int], links: list[tuple[int, int]]
) -> tuple[list[list[int]], dict[tuple[int, int], list[int]], dict[int, tuple[list[int], list[int]]]]:
    """Levels with a stand-in node wherever a link passes a rank; the stand-ins of each link; neighbours up and down."""
    levels: list[list[int]] = [[] for _ in range(max(rank) + 1)]
    for node in range(len(sizes)):
        levels[rank[node]].append(node)
    near: dict[int, tuple[list[int], list[int]]] = {node: ([], []) for node in range(len(sizes))}
    chains: dict[tuple[int, int], list[int]] = {}
    following = len(sizes)
    for source, sink in links:
        chain = list(range(following, following + max(0, rank[sink] - rank[source] - 1)))
        following += len(chain)
        chains[source, sink] = chain
        for offset, node in enumerate(chain):
            near[node] = ([], [])
            levels[rank[source] + 1 + offset].append(node)
        for upper, lower in zip([source, *chain], [*chain, sink], strict=True):
            near[upper][1].append(lower)
            near[lower][0].append(upper)
    return levels, chains, near


def _order(levels: list[list[int]], near: dict[int, tuple[list[int], list[int]]], spine: set[int]) -> None:
    """Median sweeps down and up; the best order seen is kept."""
    best, fewest = [list(level) for level in levels], crossings(levels, near)
    for sweep in range(SWEEPS):
        if fewest == 0 and sweep:
            break
        downward = sweep % 2 == 0
        for i in range(1, len(levels)) if downward else range(len(levels) - 2, -1, -1):
            fixed = {node: k for k, node in enumerate(levels[i - 1 if downward else i + 1])}
            now = {node: k for k, node in enumerate(levels[i])}

            def middle(
                node: int, fixed: dict[int, int] = fixed, now: dict[int, int] = now, side: int = 0 if downward else 1
            ) -> tuple[float, bool, int]:
                around = sorted(fixed[other] for other in near[node][side])
                value = median(around) if around else now[node]
                return value, node not in spine, now[node]

            levels[i].sort(key=middle)
        count = crossings(levels, near)
        if count < fewest:
            best, fewest = [list(level) for level in levels], count
    levels[:] = best


def _held(spine: tuple[int, ...], chains: dict[tuple[int, int], list[int]]) -> set[int]:
    """Nodes that the main road runs through, stand-ins included."""
    return {*spine, *(node for pair in pairwise(spine) for node in chains.get(pair, []))}


def _across(
    levels: list[list[int]],
    near: dict[int, tuple[list[int], list[int]]],
    widths: list[float],
    held: set[int],
    gap: float,
) -> list[float]:
    """X of every node: near the mean of its neighbours, in order, apart, the main road at 0."""
    x = [0.0] * len(widths)
    for step in range(PASSES):
        for level in levels if step % 2 == 0 else reversed(levels):
            wish, weight = [], []
            for node in level:
                around = near[node][0] + near[node][1] if step else near[node][0]
                wish.append(0.0 if node in held else fmean(x[other] for other in around) if around else x[node])
                weight.append(STRAIGHT if node in held else 1.0 + len(around))
            for node, place in zip(level, _apart(level, wish, weight, widths, gap), strict=True):
                x[node] = place
    return x


def _straighten(
    x: list[float], levels: list[list[int]], chains: list[list[int]], held: set[int], widths: list[float], gap: float
) -> None:
    """Give every link that passes several ranks one x, outside of what it passes."""
    for _ in range(STRAIGHTENINGS):
        wish, weight = list(x), [STRAIGHT if node in held else 1.0 for node in range(len(x))]
        for chain in chains:
            if len(chain) > 1 and not held.intersection(chain):
                places = [x[node] for node in chain]
                lane = max(places) if sum(places) >= 0 else min(places)
                for node in chain:
                    wish[node], weight[node] = lane, 1e3
        for level in levels:
            found = _apart(level, [wish[node] for node in level], [weight[node] for node in level], widths, gap)
            for node, place in zip(level, found, strict=True):
                x[node] = place


def _apart(level: list[int], wish: list[float], weight: list[float], widths: list[float], gap: float) -> list[float]:
    """The places nearest to the wishes (weighted squares) that keep order and distance: pooled neighbours."""
    offsets = [0.0]
    for before, after in pairwise(level):
        offsets.append(offsets[-1] + (widths[before] + widths[after]) / 2 + gap)
    pools: list[tuple[float, float, int]] = []
    for value, heavy, offset in zip(wish, weight, offsets, strict=True):
        pools.append((value - offset, heavy, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, u, m), (b, v, n) = pools[-2], pools[-1]
            pools[-2:] = [((a * u + b * v) / (u + v), u + v, m + n)]
    flat = [value for value, _, times in pools for _ in range(times)]
    return [value + offset for value, offset in zip(flat, offsets, strict=True)]


def _rows(
    levels: list[list[int]], sizes: Sequence[tuple[float, float]], down: float
) -> tuple[list[float], list[float]]:
    """Upper edge and height of every rank."""
    heights = [max((sizes[node][1] for node in level if node < len(sizes)), default=0.0) for level in levels]
    tops = [0.0]
    for height in heights[:-1]:
        tops.append(tops[-1] + height + down)
    return tops, heights


def _route(
    pair: tuple[int, int],
    sizes: Sequence[tuple[float, float]],
    centres: list[tuple[float, float]],
    x: list[float],
    chains: dict[tuple[int, int], list[int]],
    place: dict[int, tuple[float, float]],
) -> list[tuple[float, float]]:
    """Points of one link: straight down past every rank that it only passes."""
    source, sink = min(pair), max(pair)
    points = [(centres[source][0], centres[source][1] + sizes[source][1] / 2)]
    for node in chains.get((source, sink), []):
        points += [(x[node], place[node][0]), (x[node], place[node][1])]
    points.append((centres[sink][0], centres[sink][1] - sizes[sink][1] / 2))
    return points if pair[0] <= pair[1] else points[::-1]
