import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.render.collapse import closed
from pellucid.render.nesting import GATES, nest
from tests.render.graphs import Net, blocks


def extent(box):
    return (0.8, 0.5) if box.inside else (1.0, 0.4)


def placed(net, **how):
    boxes, links = net.collapse(**{"depth": 9, **how})
    return nest(boxes, links, extent), links


@st.composite
def nets(draw):
    net = Net()
    for i in range(draw(st.integers(1, 25))):
        module = ".".join(draw(st.lists(st.sampled_from("ab"), max_size=3)))
        net.op("f", module, *(draw(st.sets(st.integers(0, i - 1), max_size=3)) if i else ()), parameters=i)
    return net


def inside(inner, outer):
    return (
        outer.left - 1e-6 <= inner.left
        and inner.left + inner.width <= outer.left + outer.width + 1e-6
        and outer.top - 1e-6 <= inner.top
        and inner.top + inner.height <= outer.top + outer.height + 1e-6
    )


def apart(a, b):
    return (
        a.left + a.width <= b.left + 1e-6
        or b.left + b.width <= a.left + 1e-6
        or a.top + a.height <= b.top + 1e-6
        or b.top + b.height <= a.top + 1e-6
    )


@given(nets())
def test_boxes_lie_in_their_frames_and_siblings_apart(net):
    whole, _ = placed(net)
    for one in whole.placed:
        assert one.left >= -1e-6
        assert one.left + one.width <= whole.width + 1e-6
        assert one.top + one.height <= whole.height + 1e-6
        for other in whole.placed:
            if other is not one:
                held = (
                    any(box is one.box for box in _all(other.box.inside)),
                    any(box is other.box for box in _all(one.box.inside)),
                )
                assert inside(one, other) if held[0] else inside(other, one) if held[1] else apart(one, other)


def _all(boxes):
    for box in boxes:
        yield box
        yield from _all(box.inside)


@given(nets())
def test_links_go_down_and_every_one_arrives(net):
    whole, links = placed(net)
    places = {one.box.number: one for one in whole.placed if not one.box.inside}
    for piece in whole.pieces:
        assert all(a[1] <= b[1] + 1e-6 for a, b in pairwise(piece.points))
    for source, sink in links:
        own = [piece for piece in whole.pieces if piece.source in (source, -1)]
        start, end = places[source], places[sink]
        assert any(abs(piece.points[0][1] - start.top - start.height) < 1e-6 for piece in own)
        assert any(piece.ends and abs(piece.points[-1][1] - end.top) < 1e-6 for piece in own)


@given(nets())
def test_pieces_of_a_link_meet_at_the_gates(net):
    whole, _ = placed(net)
    starts = [piece.points[0] for piece in whole.pieces]
    for piece in whole.pieces:
        if not piece.ends:
            x, y = piece.points[-1]
            assert any(abs(x - a) < 1e-6 and abs(y - b) < 1e-6 for a, b in starts)


@given(nets())
def test_the_same_graph_lies_the_same(net):
    assert placed(net) == placed(net)


def test_the_main_road_is_straight_through_all_frames():
    whole, _ = placed(blocks(3, reuse=False), most=99)
    main = {round(x, 3) for piece in whole.pieces if piece.main for x, _ in piece.points}
    assert len(main) == 1


def test_frames_stand_in_the_order_of_execution():
    net = blocks(4, reuse=False)
    for node in net.nodes:
        node["parameters"] = node["id"]
    tops = [one.top for one in placed(net)[0].placed if one.box.name in "0123"]
    assert tops == sorted(tops)


def test_two_tensors_enter_a_frame_by_two_gates_and_many_by_a_few():
    for count in (2, GATES + 4):
        net = Net()
        sources = [net.op("f", "") for _ in range(count)]
        for source in sources:
            net.op("g", "frame", source)
        whole, _ = placed(net)
        frame = next(one for one in whole.placed if one.box.inside)
        gates = {round(piece.points[0][0], 4) for piece in whole.pieces if abs(piece.points[0][1] - frame.top) < 1e-6}
        assert len(gates) == min(count, GATES)
        assert any(piece.source == -1 for piece in whole.pieces) == (count > GATES)


def test_the_name_of_a_frame_has_room_left_of_what_enters_it():
    whole, _ = placed(blocks(1))
    frame = next(one for one in whole.placed if one.box.inside)
    entering = [piece.points[0][0] for piece in whole.pieces if abs(piece.points[0][1] - frame.top) < 1e-6]
    assert frame.left + frame.title <= min(entering) + 1e-6
    assert frame.title >= extent(frame.box)[1] - 1e-6


@pytest.mark.parametrize("skips", [0, 3])
def test_two_thousand_operations_lie_in_less_than_a_second(skips):
    net = Net()
    x = net.op("input", "")
    for i in range(100):
        held = [x]
        for k in range(20):
            x = net.op("f", f"stage{i % 7}.{i}.part{k // 5}", x, *held[:: 4 - skips or 1][:skips], parameters=i + k)
            held.append(x)
    seconds = []
    for _ in range(3):
        start = time.process_time()
        boxes, links = net.collapse(depth=99)
        whole = nest(boxes, links, extent)
        seconds.append(time.process_time() - start)
    assert min(seconds) < 1.0
    assert len(list(closed(boxes))) == 2001
    assert len(whole.pieces) > 2000
