from itertools import pairwise

import pytest
from hypothesis import given

from pellucid.render.columns import columns, crossings_at
from pellucid.render.nesting import nest
from tests.render.graphs import blocks, chain
from tests.render.test_nesting import extent, nets


def laid(net):
    return nest(*net.collapse(depth=9), extent)


@given(nets())
def test_every_box_is_whole_and_in_one_column(net):
    whole = laid(net)
    parts = columns(whole, 4)
    assert parts[0].top == 0
    assert parts[-1].bottom == whole.height
    assert all(a.bottom == b.top for a, b in pairwise(parts))
    for one in whole.placed:
        homes = [part for part in parts if any(other.box is one.box for other in part.placed)]
        assert homes
        if not one.box.inside:
            assert len(homes) == 1
            assert homes[0].top - 1e-6 <= one.top
            assert one.top + one.height <= homes[0].bottom + 1e-6
    for part in parts:
        assert all(part.top - 1e-6 <= y <= part.bottom + 1e-6 for piece in part.pieces for _, y in piece.points)


@given(nets())
def test_links_that_leave_a_column_enter_the_next_one(net):
    for before, after in pairwise(columns(laid(net), 3)):
        entering = [one.x for one in after.entering]
        for part, end, y in ((before, -1, before.bottom), (after, 0, after.top)):
            met = [piece.points[end][0] for piece in part.pieces if abs(piece.points[end][1] - y) < 1e-9]
            assert all(any(abs(x - other) < 1e-3 for other in entering) for x in met if part is after)


def test_a_chain_is_cut_into_columns_of_like_height():
    whole = laid(chain(30))
    parts = columns(whole, 3)
    heights = [part.bottom - part.top for part in parts]
    assert max(heights) < 1.2 * min(heights)
    assert [len(part.entering) for part in parts] == [0, 1, 1]
    assert sum(len(part.pieces) for part in parts) == 30


def test_it_is_rather_cut_between_frames_than_inside():
    net = blocks(2, reuse=False)
    net.nodes[1]["parameters"] = 8
    whole = laid(net)
    cut = columns(whole, 2)[1].top
    assert not any(one.box.name in "01" and one.top + 1e-6 < cut < one.top + one.height - 1e-6 for one in whole.placed)


def test_where_a_box_stands_nothing_is_cut():
    whole = laid(chain(3))
    box = whole.placed[1]
    assert crossings_at(whole, box.top + 0.1) is None
    (one,) = crossings_at(whole, box.top + box.height)
    assert one.x == pytest.approx(box.left + box.width / 2, abs=1e-4)
