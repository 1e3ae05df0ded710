from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.patches import FancyBboxPatch

from pellucid.render.static import graph
from pellucid.render.static.graph_boxes import RED
from pellucid.results import Graph
from tests.render.graphs import blocks, chain
from tests.render.static.drawing import drawn, words
from tests.results import samples


def test_the_bar_is_as_long_as_the_share():
    figure = drawn(graph, samples.graph())
    bars = [line for line in figure.axes[1].lines if line.get_zorder() == 4.5]
    lengths = sorted(line.get_xdata()[1] - line.get_xdata()[0] for line in bars)
    rails = [line for line in figure.axes[1].lines if line.get_zorder() == 4 and line.get_solid_capstyle() == "butt"]
    assert len(bars) == len(rails) == 5
    assert max(lengths) <= max(line.get_xdata()[1] - line.get_xdata()[0] for line in rails) + 1e-9


def test_what_failed_has_a_red_edge():
    edges = [to_hex(box.get_edgecolor()) for box in drawn(graph, samples.graph(failed=3)).findobj(FancyBboxPatch)]
    assert edges.count(RED) == 1


def test_a_frame_says_its_name_class_and_number():
    net = blocks(12)
    net.modules = [{"path": "body", "parent": None, "call": 0, "kind": "Body"}]
    net.modules += [{"path": f"body.{i}", "parent": 0, "call": 0, "kind": "Block"} for i in range(12)]
    made = Graph(nodes=tuple(net.nodes), edges=tuple(net.edges), modules=tuple(net.modules))
    assert {"body", "Body", "0 – 11", "× 12"} <= set(words(drawn(graph, made)))


def test_a_great_many_boxes_are_bars_without_words():
    net = chain(400)
    made = Graph(nodes=tuple(net.nodes), edges=tuple(net.edges), depth=9)
    figure = drawn(graph, made)
    count = sum(len(one.get_paths()) for one in figure.findobj(PolyCollection))
    assert count == 401
    assert "m7" not in words(figure)
