from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.render.layout import Link, Size, arrange, crossings, longest, ranks


@st.composite
def graphs(draw):
    """Sizes, links from lower to higher indices, and how many boxes are gates above and below."""
    count = draw(st.integers(1, 18))
    above, below = draw(st.integers(0, min(2, count - 1))), draw(st.integers(0, min(2, count - 1)))
    above, below = (above, below) if above + below < count else (0, 0)
    bodies = st.builds(Size, st.floats(0.2, 3), st.floats(0.2, 1))
    sizes = draw(st.lists(bodies, min_size=count, max_size=count))
    sizes = [Size(one.width, one.height, one.width * draw(st.floats(0.1, 0.9))) for one in sizes]
    top, bottom = frozenset(range(count - above, count)), frozenset(range(count - above - below, count - above))
    sizes = [Size(0, 0) if i in top | bottom else one for i, one in enumerate(sizes)]
    order = [*sorted(top), *range(count - above - below), *sorted(bottom)]
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda pair: pair[0] < pair[1])
    links = draw(st.lists(pairs, max_size=30)) if count > 1 else []
    found = [Link(order[a], order[b]) for a, b in links if not {order[a], order[b]} <= top]
    found = [one for one in found if not {one.source, one.sink} <= bottom]
    return sizes, found, {"top": top, "bottom": bottom}


def edges(sizes, layout):
    return [
        (x - size.left, y, x + size.right, y + size.height) for (x, y), size in zip(layout.roads, sizes, strict=True)
    ]


@given(graphs())
def test_boxes_never_overlap_and_links_go_down(graph):
    sizes, links, gates = graph
    layout = arrange(sizes, links, **gates)
    boxes = edges(sizes, layout)
    for i, a in enumerate(boxes):
        assert a[0] >= -1e-9
        assert a[1] >= -1e-9
        assert a[2] <= layout.width + 1e-9
        assert a[3] <= layout.height + 1e-9
        for b in boxes[:i]:
            assert a[2] <= b[0] + 1e-9 or b[2] <= a[0] + 1e-9 or a[3] <= b[1] + 1e-9 or b[3] <= a[1] + 1e-9
    for one, route in zip(links, layout.routes, strict=True):
        assert layout.ranks[one.source] < layout.ranks[one.sink]
        assert all(a[1] <= b[1] + 1e-9 for a, b in pairwise(route))
        assert abs(route[0][1] - boxes[one.source][3]) < 1e-9
        assert abs(route[-1][1] - boxes[one.sink][1]) < 1e-9


@given(graphs())
def test_the_main_road_is_straight(graph):
    sizes, links, gates = graph
    layout = arrange(sizes, links, **gates)
    places = [layout.roads[box][0] for box in layout.spine]
    assert max(places) - min(places) < 1e-3


@given(graphs())
def test_no_link_runs_through_a_box(graph):
    sizes, links, gates = graph
    layout = arrange(sizes, links, **gates)
    boxes = edges(sizes, layout)
    for one, route in zip(links, layout.routes, strict=True):
        for (x, top), (other, bottom) in pairwise(route):
            for i, (left, upper, right, lower) in enumerate(boxes):
                if i in (one.source, one.sink) or top > lower - 1e-9 or bottom < upper + 1e-9:
                    continue
                assert abs(x - other) < 1e-9, "a link moves to the side between ranks only"
                assert not left + 1e-6 < x < right - 1e-6


@given(graphs())
def test_the_same_graph_has_the_same_picture(graph):
    sizes, links, gates = graph
    assert arrange(sizes, links, **gates) == arrange(sizes, links, **gates)


@given(graphs())
def test_gates_lie_on_the_edges(graph):
    sizes, links, gates = graph
    layout = arrange(sizes, links, **gates)
    assert all(layout.roads[box][1] == 0 for box in gates["top"])
    assert all(layout.roads[box][1] == pytest.approx(layout.height) for box in gates["bottom"])


def boxes_of(count, *pairs, width=1.0):
    return [Size(width, 0.4)] * count, [Link(a, b) for a, b in pairs]


def test_a_skip_bends_round_the_body():
    layout = arrange(*boxes_of(4, (0, 1), (1, 2), (2, 3), (0, 3)))
    assert layout.ranks == [0, 1, 2, 3]
    assert layout.spine == (0, 1, 2, 3)
    skip = layout.routes[3]
    lane = {round(x, 6) for x, y in skip if layout.roads[1][1] <= y <= layout.roads[2][1]}
    assert len(lane) == 1
    assert abs(lane.pop() - layout.roads[1][0]) > 0.5


def test_a_chain_is_no_wider_than_its_boxes_however_many_skips_of_one_place_there_are():
    layout = arrange(*boxes_of(12, *((i, i + 1) for i in range(11)), *((0, i) for i in range(2, 12))))
    assert layout.width < 1.8


def test_a_source_stands_right_above_its_reader():
    assert ranks(5, [(0, 1), (1, 2), (2, 4), (3, 4)]) == [0, 1, 2, 2, 3]


def test_what_reads_nothing_stands_low_and_what_nothing_reads_high():
    sizes, links = [Size(1, 0.2), Size(1, 2), Size(1, 0.2), Size(1, 0.2)], [Link(0, 1), Link(1, 3), Link(2, 3)]
    layout = arrange(sizes, links)
    assert layout.roads[2][1] + 0.2 == pytest.approx(layout.roads[1][1] + 2)


def test_of_equal_paths_the_body_is_the_road():
    assert longest(4, [(0, 1), (0, 2), (1, 3), (2, 3)]) == (0, 2, 3)


def test_of_many_equal_branches_the_one_in_the_middle_is_the_road():
    links = [*((0, i) for i in range(1, 5)), *((i, 5) for i in range(1, 5))]
    assert longest(6, links) == (0, 3, 5)
    layout = arrange([Size(1, 1)] * 6, [Link(*pair) for pair in links])
    x = [road[0] for road in layout.roads]
    assert x[3] == pytest.approx(x[0], abs=1e-4) and x[3] == pytest.approx(x[5], abs=1e-4)
    assert x[1] < x[2] < x[3] < x[4], "branches lie on both sides, in their order"
    gates = [(i, 3) for i in range(3)]
    assert longest(4, gates, top=frozenset(range(3))) == (2, 3)


def test_of_equal_paths_that_along_main_roads_is_the_road():
    assert longest(3, [(0, 2), (1, 2)], straight={(0, 2)}) == (0, 2)
    sizes = [Size(1, 1), Size(1, 1), Size(3, 1, 1.0)]
    layout = arrange(sizes, [Link(0, 2), Link(1, 2, 0.0, 0.8)])
    assert layout.spine == (0, 2)
    assert layout.routes[1][-1][0] == pytest.approx(layout.roads[2][0] + 0.8)


def test_gates_are_first_and_last_and_the_road_leads_from_one_to_the_other():
    sizes = [Size(1, 0.4)] * 4 + [Size(0, 0)] * 2
    links = [Link(0, 1), Link(1, 2), Link(2, 3), Link(4, 3), Link(3, 5)]
    layout = arrange(sizes, links, top=frozenset([4]), bottom=frozenset([5]))
    assert layout.ranks == [1, 2, 3, 4, 0, 5]
    assert layout.spine == (4, 3, 5)


def test_a_backward_link_is_drawn_upward():
    layout = arrange(*boxes_of(3, (0, 1), (1, 2), (2, 0)))
    assert layout.ranks == [0, 1, 2]
    assert layout.routes[2][0][1] > layout.routes[2][-1][1]


def test_sweeps_undo_crossings():
    layout = arrange(*boxes_of(6, (0, 5), (1, 4), (2, 3)))
    order = sorted(range(3), key=lambda i: layout.roads[i][0])
    assert sorted(range(3, 6), key=lambda i: layout.roads[i][0]) == [5 - box for box in order]


def test_crossings_are_counted():
    near = {0: ([], [3]), 1: ([], [2]), 2: ([1], []), 3: ([0], [])}
    assert crossings([[0, 1], [2, 3]], near) == 1
    assert crossings([[0, 1], [3, 2]], near) == 0
    assert crossings([[0, 1], [2, 3]], {0: ([], [2, 3]), 1: ([], [2, 3]), 2: ([0, 1], []), 3: ([0, 1], [])}) == 1


@pytest.mark.parametrize("count", [0, 1])
def test_next_to_nothing(count):
    assert len(arrange(*boxes_of(count)).roads) == count
