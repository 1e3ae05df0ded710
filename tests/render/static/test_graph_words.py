from dataclasses import replace

import pytest

from pellucid.core.text import Text
from pellucid.render.collapse import closed
from pellucid.render.static.graph_words import DENSITIES, density, extent, family, name_of, shape_of, told, types_of
from tests.render.graphs import Net, blocks
from tests.render.static.drawing import STYLE


def boxes_of(net, **how):
    return list(closed(net.collapse(**how)[0])), {node["id"]: node for node in net.nodes}


def test_less_is_said_the_more_boxes_there_are():
    sizes = [density(count) for count in (1, 70, 71, 300, 301, 10**6)]
    assert sizes == [one for _, one in DENSITIES for _ in range(2)]


@pytest.mark.parametrize(
    ("kernel", "stride", "said"),
    [((7, 7), (2, 2), "7×7 / 2"), (3, 1, "3×3"), ((3, 1), (2, 1), "3×1"), (None, 2, "")],
)
def test_kernels_and_strides_are_told(kernel, stride, said):
    net = Net()
    net.op("conv2d", "c", shape=(1, 8, 4, 4), attributes={"kind": "Conv2d", "kernel_size": kernel, "stride": stride})
    (box,), nodes = boxes_of(net)
    assert types_of(box, nodes, STYLE)[0] == f"Conv2d {said}".rstrip()
    assert shape_of(box, nodes) == "8×4×4"
    assert family(box)[0] == "conv"


def test_runs_are_named_by_their_numbers():
    boxes, nodes = boxes_of(blocks(12), depth=2)
    assert name_of(boxes[1]) == "0 – 11"
    assert types_of(boxes[1], nodes, STYLE) == ["4 operations"]


def test_calls_of_one_module_are_named_by_their_numbers():
    (box, *_), _ = boxes_of(blocks(1), depth=1)
    assert name_of(replace(box, name="block", last="block#5", times=6)) == "block#0 – 5"
    assert name_of(replace(box, name="block#2", last="block#5", times=4)) == "block#2 – 5"
    assert name_of(replace(box, name="block#2")) == "block#2"


def test_what_was_raised_is_cut_to_a_few_lines():
    lines = told((Text("word " * 200, "字" * 500),), STYLE)
    assert len(lines) == 4
    assert lines[-1].endswith("…")


def test_what_raised_says_what_it_was_given():
    net = Net()
    net.op("relu", "a", shape=(1, 8))
    net.op("linear", "b", shape=(), attributes={"inputs": ((1, 400), (7,))})
    boxes, nodes = boxes_of(net, failed=1)
    assert [shape_of(box, nodes) for box in boxes] == ["8", "400, 7 → ?"]
    lines = told((Text("how it was made", "如何得到", aside=True), Text("It raised", "抛出异常")), STYLE)
    assert lines == ["It raised"]


def test_a_box_is_as_wide_as_its_words_within_limits():
    (box, *_), _ = boxes_of(blocks(1), depth=1)
    dense = density(3)
    assert extent(box, dense, "", 0) == (dense.narrow, dense.tall)
    assert extent(box, dense, "w" * 200, 0) == (dense.wide, dense.tall)
    assert extent(box, dense, "", 3)[1] > dense.tall
