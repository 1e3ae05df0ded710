from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from pellucid.render.static import graph
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


def test_a_box_for_each_and_an_arrow_for_each_link():
    figure = drawn(graph, samples.graph())
    assert len(figure.findobj(FancyBboxPatch)) == 6
    assert len(figure.findobj(FancyArrowPatch)) == 6
    assert {"input", "conv1", "layer1.0.add", "fc", "8×8×8", "convolution"} <= set(words(figure))
    assert graph.remark(samples.graph(), STYLE).startswith("5 operations as 6 boxes;")


def test_arrows_run_from_box_to_box():
    figure = drawn(graph, samples.graph())
    boxes = [patch.get_bbox() for patch in figure.findobj(FancyBboxPatch)]
    for arrow in figure.findobj(FancyArrowPatch):
        start, end = arrow._path_original.vertices[[0, -1]]
        assert any(abs(start[1] - box.y1) < 1e-6 and box.x0 <= start[0] <= box.x1 for box in boxes)
        assert any(abs(end[1] - box.y0) < 1e-6 and box.x0 <= end[0] <= box.x1 for box in boxes)


def test_a_tall_network_stands_in_columns():
    width, height = graph.size(chain(27), STYLE)
    assert width > 4
    assert height < 9
    assert len(drawn(graph, chain(27)).findobj(FancyArrowPatch)) == 26


def test_where_it_failed_is_marked():
    figure = drawn(graph, samples.graph(failed=3))
    assert "failed here" in words(figure)
    assert sum(box.get_linewidth() > 1.5 for box in figure.findobj(FancyBboxPatch)) == 1


def test_identical_blocks_are_a_pile():
    nodes, edges = [], []
    for i in range(20):
        for op in ("linear", "relu"):
            number = len(nodes)
            nodes.append(
                {"id": number, "op": op, "site": "", "module": f"blocks.{i}.{op}", "shape": (1, 4), "parameters": 4}
            )
            edges += [{"source": number - 1, "sink": number}] if number else []
    folds = (tuple(f"blocks.{i}" for i in range(20)),)
    figure = drawn(graph, Graph(nodes=tuple(nodes), edges=tuple(edges), folds=folds))
    assert {"blocks.0 – 19", "× 20", "2 operations · 4"} <= set(words(figure))
