import pytest
from matplotlib.collections import PathCollection
from matplotlib.patches import FancyBboxPatch

from pellucid.core.text import Text
from pellucid.render.static import graph, graph_links
from pellucid.render.static.draw import settings
from pellucid.render.static.theme import THEMES, Style
from pellucid.results import Graph
from tests.render.static.drawing import STYLE, drawn, words
from tests.results import samples


def chain(count):
    nodes = tuple(
        {"id": i, "op": "linear", "site": f"m{i}", "module": f"m{i}", "shape": (1, 4), "parameters": i}
        for i in range(count)
    )
    edges = tuple({"source": i, "sink": i + 1} for i in range(count - 1))
    return Graph(nodes=nodes, edges=edges)


def frames_and_boxes(figure):
    """Frames are those with another behind their words."""
    patches = sorted(figure.findobj(FancyBboxPatch), key=lambda patch: patch.get_zorder())
    return [one for one in patches if one.get_zorder() < 2], [one for one in patches if one.get_zorder() >= 3]


def lines(figure):
    return [path for drawn in figure.findobj(PathCollection) for path in drawn.get_paths()]


def test_a_box_for_each_and_a_frame_for_each_open_module():
    figure = drawn(graph, samples.graph())
    frames, boxes = frames_and_boxes(figure)
    assert (len(frames), len(boxes)) == (1, 6)
    assert {"input", "conv1", "layer1", "0.conv", "0.add", "fc", "8×8×8", "convolution"} <= set(words(figure))
    assert "bar: parameters, full at 500" in words(figure)
    assert graph.remark(samples.graph(), STYLE) == "", "no operation is hidden"


def test_arrows_start_and_end_at_boxes_or_at_the_edge_of_a_frame():
    figure = drawn(graph, samples.graph())
    frames, boxes = frames_and_boxes(figure)
    inner = [patch.get_bbox() for patch in boxes]
    edges = [round(edge, 6) for patch in frames for edge in (patch.get_bbox().y0, patch.get_bbox().y1)]
    arrows = lines(figure)
    assert len(arrows) == 6 + 2
    for arrow in arrows:
        (x0, y0), (x1, y1) = arrow.vertices[[0, -1]]
        assert y0 < y1
        y1 += 0.7 * graph_links.TIP * (round(y1, 6) not in edges)
        assert any(abs(y0 - box.y1) < 1e-6 and box.x0 <= x0 <= box.x1 for box in inner) or round(y0, 6) in edges
        assert any(abs(y1 - box.y0) < 1e-6 and box.x0 <= x1 <= box.x1 for box in inner) or round(y1, 6) in edges


def test_a_tall_network_stands_in_columns():
    width, height = graph.size(chain(27), STYLE)
    assert width > 2.5
    assert height < 11
    figure = drawn(graph, chain(27))
    assert len({round(one.get_bbox().x0, 2) for one in frames_and_boxes(figure)[1]}) == 2
    assert len(lines(figure)) == 26 + 1


def test_where_it_failed_is_marked_and_says_what_was_raised():
    note = Text("RuntimeError: mat1 and mat2 do not fit", "RuntimeError")
    figure = drawn(graph, samples.graph(failed=3, notes=(note,)))
    assert note.en in words(figure)
    assert sum(box.get_linewidth() > 1.5 for box in figure.findobj(FancyBboxPatch)) == 1
    assert "failed here" in words(drawn(graph, samples.graph(failed=3)))


def test_identical_blocks_are_a_pile():
    nodes, edges = [], []
    for i in range(20):
        for op in ("linear", "relu"):
            number = len(nodes)
            nodes.append(
                {"id": number, "op": op, "site": "", "module": f"blocks.{i}.{op}", "shape": (1, 4), "parameters": 4}
            )
            edges += [{"source": number - 1, "sink": number}] if number else []
    made = Graph(nodes=tuple(nodes), edges=tuple(edges))
    assert {"0 – 19", "× 20", "linear", "relu"} <= set(words(drawn(graph, made)))
    assert "× n: identical blocks" in graph.remark(made, STYLE)
    closed = drawn(graph, made.with_(depth=2))
    assert {"0 – 19", "× 20", "2 operations · 4"} <= set(words(closed))


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("count", [1, 12, 90, 400])
def test_words_stay_in_their_boxes_and_apart(count, lang):
    style = Style(THEMES["light"], lang)
    made = chain(count).with_(depth=9)
    with settings():
        figure = drawn(graph, made, style)
        figure.draw_without_rendering()
    boxes = [one.get_window_extent() for one in frames_and_boxes(figure)[1]]
    body = figure.axes[1]
    texts = [one.get_window_extent() for one in body.texts if one.get_text()]
    for i, a in enumerate(texts):
        assert (
            any(box.x0 <= a.x0 and a.x1 <= box.x1 and box.y0 <= a.y0 and a.y1 <= box.y1 for box in boxes) or count > 70
        )
        assert not any(a.overlaps(b) for b in texts[:i])


def test_two_thousand_operations_are_printable():
    made = chain(2000).with_(depth=9)
    width, height = graph.size(made, STYLE)
    assert width * height < 500
    assert max(width, height) < 80
    assert any("m0 … " in words_ for words_ in words(drawn(graph, made)))


def test_a_link_that_leads_back_is_drawn_upward():
    nodes = tuple({"id": i, "op": "f", "site": "", "module": f"m{i}", "shape": (), "parameters": 0} for i in range(3))
    pairs = [(0, 1), (1, 2), (2, 0)]
    made = Graph(nodes=nodes, edges=tuple({"source": a, "sink": b} for a, b in pairs))
    ((dashed,),) = [
        one.get_paths() for one in drawn(graph, made).findobj(PathCollection) if one.get_linestyle() != [(0, None)]
    ]
    assert dashed.vertices[0, 1] > dashed.vertices[-1, 1]
