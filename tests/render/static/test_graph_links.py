import numpy as np
from matplotlib.collections import PathCollection, PolyCollection

from pellucid.render.static import graph
from pellucid.results import Graph
from tests.render.graphs import Net, chain
from tests.render.static.drawing import drawn


def picture(net):
    return drawn(graph, Graph(nodes=tuple(net.nodes), edges=tuple(net.edges)))


def test_every_link_has_one_head():
    figure = picture(chain(5))
    assert sum(len(one.get_paths()) for one in figure.findobj(PolyCollection)) == 5


def test_what_links_share_is_drawn_once():
    net = Net()
    first = x = net.op("input", "", site="x")
    for i in range(6):
        x = net.op(f"f{i}", f"m{i}", x, *([first] if i else []), parameters=i)
    paths = [path for one in picture(net).findobj(PathCollection) for path in one.get_paths()]
    ends = [tuple(np.round(path.vertices[[0, -1]].ravel(), 6)) for path in paths]
    assert len(set(ends)) == len(ends)
    assert sum(path.vertices[0].round(6).tolist() == paths[0].vertices[0].round(6).tolist() for path in paths) <= 3
