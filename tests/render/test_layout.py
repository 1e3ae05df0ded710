from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.render.layout import arrange, crossings, longest, ranks


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 18))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)).filter(lambda pair: pair[0] < pair[1])
    links = draw(st.lists(pairs, max_size=30)) if count > 1 else []
    sizes = draw(st.lists(st.tuples(st.floats(0.2, 3), st.floats(0.2, 1)), min_size=count, max_size=count))
    return sizes, links


@given(graphs())
def test_boxes_never_overlap_and_links_go_down(graph):
    sizes, links = graph
    layout = arrange(sizes, links)
    boxes = [(x - w / 2, y - h / 2, x + w / 2, y + h / 2) for (x, y), (w, h) in zip(layout.centres, sizes, strict=True)]
    for i, a in enumerate(boxes):
        assert a[0] >= -1e-9
        assert a[1] >= -1e-9
        assert a[2] <= layout.width + 1e-9
        assert a[3] <= layout.height + 1e-9
        for b in boxes[:i]:
            assert a[2] <= b[0] + 1e-9 or b[2] <= a[0] + 1e-9 or a[3] <= b[1] + 1e-9 or b[3] <= a[1] + 1e-9
    for source, sink in links:
        assert layout.ranks[source] < layout.ranks[sink]
        assert boxes[source][3] < boxes[sink][1]


@given(graphs())
def test_the_main_road_is_straight(graph):
    sizes, links = graph
    layout = arrange(sizes, links)
    places = [layout.centres[node][0] for node in layout.spine]
    assert max(places) - min(places) < 1e-3


@given(graphs())
def test_no_link_runs_through_a_box(graph):
    sizes, links = graph
    layout = arrange(sizes, links)
    for pair, route in zip(links, layout.routes, strict=True):
        for (x, top), (other, bottom) in pairwise(route):
            if abs(x - other) > 1e-9:
                continue
            for i, ((cx, cy), (w, h)) in enumerate(zip(layout.centres, sizes, strict=True)):
                if i not in pair and top < cy < bottom:
                    assert not cx - w / 2 + 1e-6 < x < cx + w / 2 - 1e-6 or h <= 0


@given(graphs())
def test_the_same_graph_has_the_same_picture(graph):
    assert arrange(*graph) == arrange(*graph)


def test_a_skip_bends_round_the_body():
    layout = arrange([(1, 0.4)] * 4, [(0, 1), (1, 2), (2, 3), (0, 3)])
    assert layout.ranks == [0, 1, 2, 3]
    assert layout.spine == (0, 1, 2, 3)
    skip = layout.routes[3]
    assert len({round(x, 6) for x, _ in skip[1:-1]}) == 1
    assert abs(skip[1][0] - layout.centres[1][0]) > 0.5


def test_a_source_stands_right_above_its_reader():
    assert ranks(5, [(0, 1), (1, 2), (2, 4), (3, 4)]) == [0, 1, 2, 2, 3]


def test_of_equal_paths_the_body_is_the_road():
    assert longest(4, [(0, 1), (0, 2), (1, 3), (2, 3)]) == (0, 2, 3)


def test_a_backward_link_is_drawn_upward():
    layout = arrange([(1, 1)] * 3, [(0, 1), (1, 2), (2, 0)])
    assert layout.ranks == [0, 1, 2]
    assert layout.routes[2][0][1] > layout.routes[2][-1][1]


def test_sweeps_undo_crossings():
    sizes, links = [(1, 1)] * 6, [(0, 5), (1, 4), (2, 3)]
    layout = arrange(sizes, links)
    order = sorted(range(3), key=lambda i: layout.centres[i][0])
    assert sorted(range(3, 6), key=lambda i: layout.centres[i][0]) == [5 - node for node in order]


def test_crossings_are_counted():
    near = {0: ([], [3]), 1: ([], [2]), 2: ([1], []), 3: ([0], [])}
    assert crossings([[0, 1], [2, 3]], near) == 1
    assert crossings([[0, 1], [3, 2]], near) == 0


@pytest.mark.parametrize("count", [0, 1])
def test_next_to_nothing(count):
    layout = arrange([(1, 1)] * count, [])
    assert len(layout.centres) == count
