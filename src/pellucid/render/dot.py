"""A graph in the language of Graphviz: every operation a node, every call of a module a cluster."""

import re
from collections.abc import Iterator

from pellucid.results.graph import Graph
from pellucid.results.tree import Branch, tree

_CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\ud800-\udfff]+")


def to_dot(result: Graph) -> bytes:
    """A `digraph`: nodes `n0 n1 …` by id with the label "name, type, shape", clusters nested as modules are.

    Nothing is folded or left out. The node at which the model raised is red.
    """
    lines = [
        "digraph pellucid {",
        "  graph [compound=true, fontname=Helvetica, fontsize=10, labeljust=l];",
        "  node [shape=box, fontname=Helvetica, fontsize=9];",
        '  node [style="rounded,filled", fillcolor="#f2f2f6", color="#cfd0d8"];',
        '  edge [color="#63646f", arrowsize=0.6];',
    ]
    counter = iter(range(len(result.nodes) * 64))
    lines += _inside(tree(result.nodes, result.edges, result.modules), result, counter, 1, "")
    ids = {node["id"] for node in result.nodes}
    lines += [
        f"  n{int(edge['source'])} -> n{int(edge['sink'])};"
        for edge in result.edges
        if edge["source"] in ids and edge["sink"] in ids
    ]
    return ("\n".join([*lines, "}"]) + "\n").encode()


def quoted(words: str) -> str:
    """A string of Graphviz: nothing in it is read as an escape, and no line of it ends."""
    plain = _CONTROL.sub(" ", words).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'


def _inside(branch: Branch, result: Graph, counter: Iterator[int], depth: int, frame: str) -> Iterator[str]:
    margin = "  " * depth
    for child in branch.children or ((branch,) if not branch.path and branch.members else ()):
        if not child.children:
            yield f"{margin}{_node(child, result, frame)}"
            continue
        name = child.path.removeprefix(f"{frame}.") + (f"#{child.call}" if child.call else "")
        label = f"{name} {child.kind}".rstrip()
        yield f"{margin}subgraph cluster_{next(counter)} {{"
        yield f'{margin}  label={quoted(label)}; style=rounded; color="#cfd0d8";'
        yield from _inside(child, result, counter, depth + 1, child.path)
        yield f"{margin}}}"


def _node(branch: Branch, result: Graph, frame: str) -> str:
    node = result.nodes[branch.members[0]]
    operation = str(node["op"])
    name = branch.path.removeprefix(f"{frame}.") if branch.owned and branch.path else operation
    if operation in ("input", "output"):
        name = str(node["site"])
    shape = "×".join(map(str, node.get("shape") or ()))
    said = dict.fromkeys(part for part in (name, branch.kind or operation, shape) if part)
    label = "\\n".join(quoted(part)[1:-1] for part in said)
    failed = ', color="#b2182b", penwidth=2' if node["id"] == result.failed else ""
    return f'n{int(node["id"])} [label="{label}", tooltip={quoted(str(node["site"]))}{failed}];'
