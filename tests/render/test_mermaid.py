import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.render.mermaid import escaped, to_mermaid
from pellucid.results import Graph
from tests.render.graphs import blocks
from tests.render.test_dot import HOSTILE
from tests.results import samples

LINE = re.compile(
    r'flowchart TD|end|b\d+\["(?P<label>[^"]*)"\]|subgraph f\d+\["(?P<frame>[^"]*)"\]|b\d+ --> b\d+'
    r"|style b\d+ stroke:#b2182b,stroke-width:2px"
)


def parsed(text):
    """Labels of boxes and frames, and links; every line must be one that the language has."""
    labels, frames, links, depth = [], [], [], 0
    for line in text.splitlines():
        found = LINE.fullmatch(line.strip())
        assert found, f"not the language: {line!r}"
        depth += line.strip().startswith("subgraph") - (line.strip() == "end")
        assert depth >= 0
        labels += [found["label"]] * (found["label"] is not None)
        frames += [found["frame"]] * (found["frame"] is not None)
        links += [tuple(line.split(" --> "))] * ("-->" in line)
    assert depth == 0
    return labels, frames, links


def shown(label):
    return re.sub(r"#(\d+);", lambda found: chr(int(found[1])), label)


def test_it_is_the_picture():
    net = blocks(12)
    made = Graph(nodes=tuple(net.nodes), edges=tuple(net.edges))
    labels, frames, links = parsed(to_mermaid(made).decode())
    assert labels[:2] == ["x<br>input<br>1×8", "conv<br>conv2d<br>1×8"]
    assert frames == ["body", "0 – 11 × 12"]
    assert len(links) == 6
    assert parsed(to_mermaid(made.drawn(depth=1)).decode())[0][1] == "body<br>1×8"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_names(name):
    made = samples.graph()
    nodes = [
        {**node, "site": name, "op": name or "f", "module": name if i else ""} for i, node in enumerate(made.nodes)
    ]
    text = to_mermaid(made.with_(nodes=tuple(nodes))).decode()
    labels, _, _ = parsed(text)
    assert labels
    assert "</script>" not in text


@given(st.text())
def test_escaped_words_are_read_back(name):
    assert shown(escaped(name)) == " ".join(name.split())
    assert not set(escaped(name)) & set("\"<>&[]{}|`'\\\n")


def test_where_it_failed_is_red():
    assert b"style b3 stroke:#b2182b" in to_mermaid(samples.graph(failed=3))


def test_nothing_is_a_graph_too():
    assert to_mermaid(Graph()) == b"flowchart TD\n"
