from pellucid.render.static.graph_plan import AREA, LONGEST, plan
from pellucid.results import Graph
from tests.render.graphs import chain
from tests.render.static.drawing import STYLE
from tests.results import samples


def graph(count):
    net = chain(count)
    return Graph(nodes=tuple(net.nodes), edges=tuple(net.edges))


def test_nothing_has_no_plan():
    assert plan(Graph(), STYLE) is None


def test_a_short_graph_is_one_column_in_its_own_size():
    made = plan(samples.graph(), STYLE)
    assert (len(made.columns), made.scale) == (1, 1.0)


def test_a_large_one_is_made_to_fit_the_page():
    made = plan(graph(2000).with_(depth=9), STYLE)
    assert len(made.columns) > 3
    assert made.width * made.height * made.scale**2 <= AREA * 1.001
    assert max(made.width, made.height) * made.scale <= LONGEST * 1.001


def test_the_first_wording_that_fits_is_taken():
    made = plan(samples.graph(), STYLE)
    box = made.boxes[1]
    assert made.detail(box).endswith("8×8×8")
    assert "…" in made.detail(box, 0.2)
