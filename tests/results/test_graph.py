import json

import pytest

from pellucid.core.errors import BadSetting
from pellucid.results.encode import decode, encode
from pellucid.results.graph import Graph
from tests.results import samples


def test_values_are_the_ends_of_the_edges():
    assert samples.graph().values.tolist() == [[0, 1], [1, 2], [2, 3], [3, 4], [2, 4], [4, 5]]
    assert Graph().values.shape == (0, 2)
    assert Graph().axes == ("edge", "end")


def test_how_it_is_drawn_is_kept():
    made = samples.graph().drawn(depth=1, open="layer1", overlay="parameters")
    assert (made.depth, made.open, made.overlay) == (1, ("layer1",), "parameters")
    assert decode(encode(made)) == made
    assert made.nodes == samples.graph().nodes


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"depth": 0}, "no depth 0"),
        ({"depth": "all"}, "no depth 'all'"),
        ({"open": 5}, "module '5'"),
        ({"overlay": "time"}, r"(?s)know nothing of 'time'.*flow_graph\(runs=5\)"),
        ({"open": "layer2"}, r"(?s)module 'layer2'.*'layer1'"),
        ({"open": ["layer1", "nowhere"]}, "module 'nowhere'"),
        ({"overlay": "flops"}, r"(?s)know nothing of 'flops'.*'parameters'"),
        ({"overlay": "colour"}, "know nothing of 'colour'"),
    ],
)
def test_what_it_does_not_have_is_refused(how, words):
    with pytest.raises(BadSetting, match=words):
        samples.graph().drawn(**how)


def test_json_has_a_stable_form(tmp_path):
    record = json.loads(samples.graph(failed=3).save(tmp_path / "a.json").read_text(encoding="utf-8"))
    assert record["pellucid"]["kind"] == "graph"
    assert record["pellucid"]["schema"] == 1
    assert record["nodes"][1] == {
        "id": 1,
        "op": "conv1",
        "site": "conv1",
        "module": "conv1",
        "shape": [1, 8, 8, 8],
        "parameters": 100,
        "attributes": {"stride": [1, 1]},
    }
    assert record["edges"][0] == {"source": 0, "sink": 1, "shape": [1, 8, 8, 8]}
    assert (record["modules"], record["folds"], record["failed"]) == ([], [], 3)


def test_json_of_a_large_graph_is_whole(tmp_path):
    nodes = tuple({**samples.graph().nodes[1], "id": i} for i in range(3000))
    edges = tuple({"source": i, "sink": i + 1, "shape": ()} for i in range(2999))
    record = json.loads(Graph(nodes=nodes, edges=edges).save(tmp_path / "a.json").read_text(encoding="utf-8"))
    assert (len(record["nodes"]), len(record["edges"])) == (3000, 2999)
