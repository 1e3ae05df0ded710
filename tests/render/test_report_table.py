import numpy as np
import pytest

from pellucid.render.report_table import numbers
from tests.results.samples import attribution, graph, points, series, table


@pytest.mark.parametrize("make", [graph, points, series, table])
def test_kinds_whose_numbers_can_be_read(make):
    made = numbers(make(), "zh")
    assert made.startswith("<details><summary>以表格查看数值</summary>") and made.count("<tr>") > 3


def test_maps_have_no_table():
    assert numbers(attribution(), "en") == ""


def test_cells():
    made = numbers(table(), "en")
    for cell in (
        "<td>0.1</td>",
        "<td>1×1</td>",
        "<td>picture 3×3</td>",
        "<td>4 numbers</td>",
        "<td>–</td>",
        "<td>no</td>",
    ):
        assert cell in made
    assert made.count("<table>") == 2


def test_long_curves_keep_their_ends():
    made = numbers(series(curves={"loss": np.arange(1000, dtype="f4")}, positions=(), marks={}), "en")
    assert made.count("<tr>") == 201 and "<td>0</td>" in made and "<td>999</td>" in made


def test_a_graph_tells_what_its_operations_cost_and_gave():
    nodes = tuple({**node, "flops": 2_000_000, "value": {"rms": 0.5}} for node in graph().nodes)
    made = numbers(graph(nodes=nodes[:1] + graph().nodes[1:2] + nodes[2:]), "en")
    for cell in ("arithmetic of one forward</th>", "<td>2 MFLOP</td>", "<td>0.5</td>", "<td>–</td>"):
        assert cell in made
    assert "gradient" not in made
    assert "arithmetic" not in numbers(graph(), "en")
