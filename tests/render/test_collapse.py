import pytest

from pellucid.render.collapse import CHUNK, MOST, closed, collapse
from tests.render.graphs import Net, blocks, chain, outline


def test_a_run_of_identical_siblings_is_one_frame_around_the_first():
    boxes, links = blocks(12).collapse()
    assert outline(boxes) == ["x", ["body", [["0", ["conv", "relu", "add", "relu#1"]]]], "head"]
    run = boxes[1].inside[0]
    assert (run.times, run.last, run.parameters, len(run.members)) == (12, "11", 12 * 9, 48)
    assert links == [(0, 1), (0, 3), (1, 2), (2, 3), (3, 4), (4, 5)]


def test_closed_it_is_one_box():
    boxes, links = blocks(12).collapse(depth=2)
    assert outline(boxes) == ["x", ["body", ["0"]], "head"]
    assert [(box.number, box.times) for box in closed(boxes)] == [(0, 1), (1, 12), (2, 1)]
    assert links == [(0, 1), (1, 2)]


def test_a_small_network_is_opened_and_a_module_used_twice_is_a_box_per_call():
    boxes, _ = blocks(1).collapse()
    assert outline(boxes) == ["x", ["body", ["0.conv", "0.relu", "add", "0.relu#1"]], "head"]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("depth", [None, 1, 2, 3, 9])
def test_links_never_go_backward(count, depth):
    _, links = blocks(count).collapse(depth=depth)
    assert all(source < sink for source, sink in links)


def test_the_deepest_level_that_fits_is_opened():
    net = blocks(3, reuse=False)
    net.nodes[4]["parameters"] = 10
    for most, shown in ((1000, 11), (10, 5), (4, 3)):
        boxes, _ = net.collapse(most=most)
        assert len(list(closed(boxes))) == shown


def test_operations_of_a_small_module_stay_together_where_there_is_no_room_for_all():
    net = Net()
    x = net.op("input", "")
    for i in range(20):
        for op in ("pow", "mean", "rsqrt"):
            x = net.op(op, f"norm{i}", x, parameters=i)
        x = net.op("linear", f"fc{i}", x, parameters=i)
    boxes, _ = net.collapse()
    assert all(not box.inside for box in boxes)
    assert all(one.inside for one in net.collapse(depth=2)[0] if one.name.startswith("norm"))


def test_what_is_asked_for_is_open_and_all_around_it():
    boxes, _ = blocks(12).collapse(depth=1, opened=["body.0"])
    assert outline(boxes) == ["x", ["body", [["0", ["conv", "relu", "add", "relu#1"]]]], "head"]
    assert outline(blocks(12).collapse(depth=1)[0]) == ["x", "body", "head"]


def test_where_it_failed_is_open_and_never_folded_away():
    boxes, _ = blocks(5).collapse(failed=6, most=6)
    failed = [box for box in closed(boxes) if box.failed]
    assert [(box.name, box.members) for box in failed] == [("relu", (6,))]
    assert [(one.times, one.failed) for one in boxes[1].inside] == [(1, False), (1, True), (3, False)]


def test_a_long_list_becomes_sections():
    boxes, links = chain(CHUNK + 40).collapse()
    assert len(boxes) <= MOST
    assert boxes[0].name == "x … m2"
    assert sum(len(box.members) for box in boxes) == CHUNK + 41
    assert links == [(i, i + 1) for i in range(len(boxes) - 1)]


def test_sections_are_opened_for_what_is_in_them():
    boxes, _ = chain(CHUNK + 40).collapse(opened=["m50"])
    assert [box.name for box in boxes if box.inside] == ["m47 … m50"]
    assert len(list(closed(chain(CHUNK + 40).collapse(depth=9)[0]))) == CHUNK + 41


def test_a_long_list_that_repeats_itself_is_one_frame():
    net = Net()
    x = net.op("input", "", site="x")
    for i in range(200):
        x = net.op("linear" if i % 2 == 0 else "relu", f"m{i}", x)
    boxes, links = net.collapse()
    assert outline(boxes) == ["x", ["m0 … m1", ["m0", "m1"]]]
    assert boxes[1].times == 100
    assert links == [(0, 1), (1, 2)]


def test_calls_of_modules_make_the_frames_where_they_are_known():
    net = Net()
    x = net.op("input", "", site="x")
    for call in range(2):
        x = net.op("linear", "both.fc", x, call=call)
        x = net.op("relu", "both", x, call=call)
    kinds = [("", None, 0, "Net"), ("both", 0, 0, "Both"), ("both.fc", 1, 0, "Linear")]
    kinds += [("both", 0, 1, "Both"), ("both.fc", 3, 1, "Linear")]
    net.modules = [{"path": path, "parent": parent, "call": call, "kind": kind} for path, parent, call, kind in kinds]
    boxes, _ = net.collapse(depth=2)
    assert [(box.name, box.kind, box.times) for box in boxes] == [("x", "", 1), ("both", "Both", 2)]
    assert [box.kind for box in boxes[1].inside] == ["Linear", ""]


def test_nothing():
    assert collapse([], []) == ((), [])
