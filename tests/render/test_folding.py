import pytest

from pellucid.render.folding import Folding
from pellucid.results.tree import tree
from tests.render.graphs import Net, blocks


def runs(net, folds=(), failed=None):
    """How many blocks each run has."""
    pairs = [(edge["source"], edge["sink"]) for edge in net.edges]
    body = next(one for one in tree(net.nodes, net.edges).children if one.path == "body")
    return [len(run.branches) for run in Folding(net.nodes, pairs, folds, failed).runs(body.children)]


def test_neighbours_that_are_the_same_are_a_run():
    assert runs(blocks(5)) == [5]


@pytest.mark.parametrize("change", [{"parameters": 10}, {"shape": (1, 9)}, {"op": "gelu"}, {"attributes": {"p": 1}}])
def test_any_difference_ends_a_run(change):
    net = blocks(5)
    net.nodes[9].update(change)
    assert runs(net) == [2, 1, 2]


def test_calls_of_one_module_are_a_run_of_their_own():
    net = Net()
    x = net.op("input", "")
    for path, call in [("a", 0), ("a", 1), ("a", 2), ("b", 0), ("c", 0)]:
        first = len(net.nodes)
        for op in ("linear", "gelu"):
            weights = {"weights": {f"{path}.w": (8, 8)}} if op == "linear" else {}
            x = net.op(op, f"body.{path}", x, parameters=0 if call else 64 * (op == "linear"), call=call, **weights)
        net.modules.append(
            {"path": f"body.{path}", "call": call, "kind": "Block", "parent": 0, "first": first, "last": x}
        )
    whole = {"path": "body", "call": 0, "kind": "Body", "parent": None, "first": 1, "last": x}
    pairs = [(edge["source"], edge["sink"]) for edge in net.edges]
    branch = next(one for one in tree(net.nodes, net.edges, [whole, *net.modules]).children if one.path == "body")
    found = Folding(net.nodes, pairs).runs(branch.children)
    assert [[(one.path, one.call) for one in run.branches] for run in found] == [
        [("body.a", 0), ("body.a", 1), ("body.a", 2)],
        [("body.b", 0), ("body.c", 0)],
    ]


def test_where_it_failed_stands_alone():
    assert runs(blocks(5), failed=6) == [1, 1, 3]


def test_a_run_of_the_method_counts_though_its_records_differ():
    net = blocks(4)
    for node in net.nodes:
        node["parameters"] = node["id"]
    assert runs(net) == [1, 1, 1, 1]
    assert runs(net, [[f"body.{i}" for i in range(4)]]) == [4]


def test_parallel_branches_are_no_run():
    net = Net()
    x = net.op("input", "")
    for i in range(3):
        net.op("relu", f"body.{i}.b", net.op("linear", f"body.{i}.a", x))
    assert runs(net) == [1, 1, 1]


def test_what_all_but_the_first_read_from_outside_is_the_same_or_they_are_no_run():
    net = blocks(5)
    for i in range(1, 5):
        net.edges.append({"source": 0, "sink": 3 + 4 * i})
    assert runs(net) == [5]
    net.edges.pop()
    assert runs(net) == [4, 1]


def test_a_block_that_something_else_reads_ends_a_run_unless_all_are_read():
    net = blocks(6)
    net.edges.append({"source": 12, "sink": 25})
    assert runs(net) == [3, 3]
    for i in (4, 8, 16, 20):
        net.edges.append({"source": i, "sink": 25})
    assert runs(net) == [6]


def alternating(times, width=8):
    """Blocks of two kinds in turns."""
    net = Net()
    x = net.op("input", "")
    for i in range(times):
        x = net.op("gelu", f"body.{2 * i}.b", net.op("linear", f"body.{2 * i}.a", x, parameters=9))
        x = net.op("tanh", f"body.{2 * i + 1}.d", net.op("norm", f"body.{2 * i + 1}.c", x, parameters=width))
    return net


def test_two_kinds_in_turns_are_a_run_of_pairs():
    assert runs(alternating(6)) == [6]
    assert runs(alternating(2)) == [1, 1, 1, 1]


def test_a_pattern_that_changes_is_no_run_from_there_on():
    net = alternating(6)
    net.nodes[14]["parameters"] = 10
    assert runs(net) == [3, 1, 1, 1, 1, 1, 1]


def test_a_pattern_that_does_not_feed_itself_is_no_run():
    net = alternating(6)
    for edge in net.edges:
        if edge["sink"] % 4 == 1:
            edge["source"] = 0
    assert runs(net) == [1] * 12


def test_the_steps_of_a_loop_are_a_run_though_each_reads_its_own_part():
    net = Net()
    x = net.op("input", "")
    state = net.op("zeros", "body")
    for step in range(40):
        part = net.op("getitem", "body", x, attributes={"index": f":, {step}"})
        state = net.op("tanh", "body", net.op("add", "body", part, state))
    pairs = [(edge["source"], edge["sink"]) for edge in net.edges]
    body = next(one for one in tree(net.nodes, net.edges).children if one.path == "body")
    found = Folding(net.nodes, pairs).runs(body.children)
    assert [len(run.branches) for run in found] == [1, 40] and len(found[1].first.children) == 3
