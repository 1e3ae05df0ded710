from hypothesis import given
from hypothesis import strategies as st

from pellucid.results.tree import tree
from tests.render.graphs import Net, blocks


def shape(branch):
    return (branch.path, branch.call, [shape(child) for child in branch.children]) if branch.children else branch.path


def test_modules_lie_in_modules():
    net = blocks(1)
    assert shape(tree(net.nodes, net.edges)) == (
        "",
        0,
        ["", ("body", 0, ["body.0.conv", "body.0.relu", "body.0", "body.0.relu"]), "head"],
    )


def test_a_module_that_goes_on_after_its_output_was_used_is_a_branch_per_call():
    net = blocks(1)
    assert [child.call for child in tree(net.nodes, net.edges).children[1].children] == [0, 0, 0, 1]


def test_calls_that_know_nothing_of_each_other_are_told_apart_by_their_records():
    net = Net()
    x = net.op("input", "")
    ends = [net.op("relu", "twin", net.op("linear", "twin.fc", x, call=i), call=i) for i in range(2)]
    net.op("add", "", *ends)
    assert [child.path for child in tree(net.nodes, net.edges).children] == ["", "twin", ""]
    net.modules = [
        {"path": path, "parent": parent, "call": call, "kind": "M"}
        for call in range(2)
        for path, parent in (("twin", None), ("twin.fc", 2 * call))
    ]
    children = tree(net.nodes, net.edges, net.modules).children
    assert [(child.path, child.call, child.kind) for child in children if child.owned] == [
        ("twin", 0, "M"),
        ("twin", 1, "M"),
    ]


@st.composite
def nets(draw):
    net = Net()
    for i in range(draw(st.integers(1, 25))):
        module = ".".join(draw(st.lists(st.sampled_from("ab"), max_size=3)))
        net.op("f", module, *(draw(st.sets(st.integers(0, i - 1), max_size=3)) if i else ()))
    return net


def branches(branch):
    yield branch
    for child in branch.children:
        yield from branches(child)


@given(nets())
def test_every_operation_is_in_one_child_and_siblings_are_in_order(net):
    for branch in branches(tree(net.nodes, net.edges)):
        if branch.children:
            assert sorted(member for child in branch.children for member in child.members) == list(branch.members)
            firsts = [child.members[0] for child in branch.children]
            assert firsts == sorted(firsts)
            home = {member: i for i, child in enumerate(branch.children) for member in child.members}
            for edge in net.edges:
                if edge["source"] in home and edge["sink"] in home:
                    assert home[edge["source"]] <= home[edge["sink"]]
