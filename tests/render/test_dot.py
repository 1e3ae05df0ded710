import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.render.dot import quoted, to_dot
from pellucid.results import Graph
from tests.render.graphs import blocks
from tests.results import samples

TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|->|[\w.#]+|[{}\[\];=,])', re.DOTALL)
HOSTILE = [
    'a"b',
    "a\\",
    'a\\"];evil[',
    "a\nb",
    "</script>",
    "{}[]",
    "\u2028",
    "中文🙂",
    "\\N \\G",
    "",
    "a\x00b",
    "\ud800",
]


def parsed(text):
    """Nodes with their labels, links, and the nesting of clusters: what Graphviz reads of it."""
    tokens, at = [], 0
    while text[at:].strip():
        found = TOKEN.match(text, at)
        assert found, f"not the language: {text[at : at + 40]!r}"
        tokens.append(found[1])
        at = found.end()
    assert tokens[:3] == ["digraph", "pellucid", "{"]
    assert tokens.count("{") == tokens.count("}")
    nodes, links, clusters, stack, inside = {}, [], {}, [], {}
    for i, token in enumerate(tokens):
        if token == "subgraph":
            stack.append(tokens[i + 1])
        elif token == "label" and tokens[i - 1] == "{":
            clusters[stack[-1]] = words(tokens[i + 2])
        elif token == "}" and stack:
            stack.pop()
        elif re.fullmatch(r"n\d+", token) and tokens[i + 1] == "[":
            assert tokens[i + 2 : i + 4] == ["label", "="]
            nodes[token], inside[token] = words(tokens[i + 4]), list(stack)
        elif token == "->":
            links.append((tokens[i - 1], tokens[i + 1]))
    return nodes, links, clusters, inside


def words(token):
    """A quoted string as Graphviz shows it."""
    return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), token[1:-1], flags=re.DOTALL)


def test_operations_are_nodes_and_modules_clusters():
    net = blocks(2)
    nodes, links, clusters, inside = parsed(to_dot(Graph(nodes=tuple(net.nodes), edges=tuple(net.edges))).decode())
    assert len(nodes) == len(net.nodes)
    assert links == [(f"n{edge['source']}", f"n{edge['sink']}") for edge in net.edges]
    assert list(clusters.values()) == ["body", "0", "1"]
    assert nodes["n0"] == "x\ninput\n1×8"
    assert nodes["n1"] == "conv\nconv2d\n1×8"
    assert [clusters[one] for one in inside["n1"]] == ["body", "0"]
    assert inside["n9"] == []


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_names(name):
    made = samples.graph()
    nodes = [
        {**node, "site": name, "op": name or "f", "module": name if i else ""} for i, node in enumerate(made.nodes)
    ]
    found, links, _, _ = parsed(to_dot(made.with_(nodes=tuple(nodes))).decode())
    assert len(found) == len(nodes)
    assert len(links) == len(made.edges)


@given(st.text())
def test_a_quoted_string_is_read_back(name):
    plain = re.sub(r"[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]+", " ", name)
    assert words(quoted(name)) == plain
    assert TOKEN.fullmatch(quoted(name))


def test_where_it_failed_is_red():
    lines = to_dot(samples.graph(failed=3)).decode().splitlines()
    assert ["b2182b" in line for line in lines if line.strip().startswith("n3 [")] == [True]
    assert sum("b2182b" in line for line in lines) == 1


def test_nothing_is_a_graph_too():
    assert parsed(to_dot(Graph()).decode())[:2] == ({}, [])
