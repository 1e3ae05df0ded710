"""Flow graph: the operations that ran, what each of them read, and whose parameters."""

import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.results import Graph
from tests.networks import NETWORKS, ZOO
from tests.networks.network import Network

SEEN = [network for network in ZOO if "flow_graph" not in network.refuses]


def links(graph: Graph) -> set[tuple[str, str]]:
    """Edges by the operations' addresses."""
    sites = {node["id"]: node["site"] for node in graph.nodes}
    return {(sites[edge["source"]], sites[edge["sink"]]) for edge in graph.edges}


@pytest.mark.parametrize("network", SEEN, ids=str)
def test_every_graph_is_one(network: Network) -> None:
    """Edges lead forward, each once; the output hangs on an input; each parameter is counted once."""
    model = network.build()
    graph = pl.flow_graph()(model, network.x(2))
    assert [node["id"] for node in graph.nodes] == list(range(len(graph.nodes)))
    assert all(edge["source"] < edge["sink"] for edge in graph.edges)
    assert len({(edge["source"], edge["sink"], edge["shape"]) for edge in graph.edges}) == len(graph.edges)
    reached = {node["id"] for node in graph.nodes if node["op"] == "input"}
    for edge in sorted(graph.edges, key=lambda edge: edge["sink"]):
        if edge["source"] in reached:
            reached.add(edge["sink"])
    assert graph.nodes[-1]["op"] == "output" and graph.nodes[-1]["id"] in reached
    total = sum(one.numel() for one in model.parameters())
    assert sum(node["parameters"] for node in graph.nodes) == total - graph.facts["unread parameters"]
    assert graph.facts["parameters"] == total
    assert (graph.facts["unread parameters"] > 0) is ("unused" in network.quirks)


@pytest.mark.parametrize("name", ["article_net", "residual", "tiny_vit", "lstm", "volume"])
def test_shapes_are_those_of_a_run(name: str) -> None:
    network = NETWORKS[name]
    model, ran = network.build(), {}
    for path, module in model.named_modules():
        if path and not any(module.children()):
            module.register_forward_hook(
                lambda _, __, out, path=path: ran.setdefault(path, []).append(
                    tuple((out[0] if isinstance(out, tuple) else out).shape)
                )
            )
    model(network.x(2))
    last: dict[str, list[tuple[int, ...]]] = {}
    for node in pl.flow_graph()(network.build(), network.x(2)).nodes:
        if node["module"] in ran:
            last.setdefault(node["module"], []).append(node["shape"])
    assert last and all(shapes[-1] == ran[path][-1] for path, shapes in last.items())


def test_writes_in_place_go_on_from_what_was_written() -> None:
    network = NETWORKS["in_place"]
    found = links(pl.flow_graph()(network.build(), network.x(1)))
    assert {
        ("conv2/conv2d.0", "/add.0"),
        ("relu/relu.0", "/add.0"),
        ("/add.0", "/relu.0"),
        ("/relu.0", "conv3/conv2d.0"),
        ("conv3/conv2d.0", "/getitem.0"),
        ("/getitem.0", "/mul.0"),
        ("/mul.0", "/relu.1"),
    } <= found
    assert ("conv3/conv2d.0", "/relu.1") not in found and ("conv2/conv2d.0", "/relu.0") not in found


def test_a_write_through_a_view_reaches_the_whole() -> None:
    network = NETWORKS["writes_through_view"]
    found = links(pl.flow_graph()(network.build(), network.x(1)))
    assert {
        ("conv/conv2d.0", "part/getitem.0"),
        ("part/getitem.0", "/mul.0"),
        ("conv/conv2d.0", "/mul.0"),
        ("/mul.0", "/relu.0"),
        ("/relu.0", "/mean.0"),
    } <= found
    assert ("conv/conv2d.0", "/mean.0") not in found


class Writes(nn.Module):
    """Assigns to a part, and writes into one half of a tensor after the other half was taken."""

    def forward(self, x: Tensor) -> Tensor:
        y = x * 2
        left, right = y[:, :2], y[:, 2:]
        y[:, 0] = x[:, 1].sigmoid()
        left.add_(1)
        return torch.cat([left, right.exp()], 1)


def test_setitem_and_untouched_views() -> None:
    graph = pl.flow_graph()(Writes().eval(), torch.randn(2, 4))
    found = links(graph)
    assert {
        ("/mul.0", "/setitem.0"),
        ("/sigmoid.0", "/setitem.0"),
        ("/setitem.0", "/add.0"),
        ("/add.0", "/cat.0"),
        ("/exp.0", "/cat.0"),
    } <= found
    assert ("/getitem.1", "/exp.0") in found, "the right half was never written"


def test_a_module_called_twice_is_two_operations_with_one_set_of_parameters() -> None:
    network = NETWORKS["called_twice"]
    graph = pl.flow_graph()(network.build(), network.x(1))
    by_site = {node["site"]: node for node in graph.nodes}
    first, second = by_site["block#0/conv2d.0"], by_site["block#1/conv2d.0"]
    assert (first["parameters"], second["parameters"]) == (330, 0)
    assert second["attributes"]["parameters of"] == "block#0/conv2d.0" and "parameters of" not in first["attributes"]
    assert first["attributes"]["kernel_size"] == (3, 3) and first["attributes"]["kind"] == "Conv2d"


def test_tied_weights_are_counted_at_their_first_reader() -> None:
    network = NETWORKS["tied_lm"]
    by_site = {node["site"]: node for node in pl.flow_graph()(network.build(), network.x(1)).nodes}
    assert by_site["head/linear.0"]["parameters"] == 0
    assert by_site["head/linear.0"]["attributes"]["parameters of"] == "embed/embedding.0"


def test_several_inputs_and_outputs() -> None:
    network = NETWORKS["two_inputs"]
    graph = pl.flow_graph()(network.build(), network.x(2))
    assert [(node["site"], node["shape"]) for node in graph.nodes[:2]] == [("0", (2, 3, 10, 10)), ("1", (2, 4))]
    assert {("0", "conv/conv2d.0"), ("1", "table/linear.0")} <= links(graph)
    network = NETWORKS["dict_output"]
    graph = pl.flow_graph()(network.build(), network.x(2))
    ends = {edge["shape"] for edge in graph.edges if edge["sink"] == graph.nodes[-1]["id"]}
    assert ends == {(2, 5), (2, 2)}


class Norm(nn.Module):
    """Casts to a type that its input has already, and back."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4))

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(torch.float32).contiguous()
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True))).to(torch.float32)


class PreNorm(nn.Module):
    """A residual branch around the norm; nothing is dropped in evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.fc, self.drop = Norm(), nn.Linear(4, 4), nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.drop(self.fc(self.norm(x)))


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_residual_branch_does_not_start_inside_the_norm(device: str) -> None:
    model = nn.Sequential(PreNorm(), PreNorm()).eval().to(device)
    graph = pl.flow_graph()(model, torch.randn(2, 4, device=device))
    found = links(graph)
    for block, before in (("0", "input"), ("1", "0/add.0")):
        assert {one for one, sink in found if sink == f"{block}/add.0"} == {before, f"{block}.drop/dropout.0"}
        assert {
            (before, f"{block}.norm/to.0"),
            (f"{block}.norm/to.0", f"{block}.norm/contiguous.0"),
            (f"{block}.norm/contiguous.0", f"{block}.norm/mul.0"),
            (f"{block}.norm/to.1", f"{block}.norm/mul.1"),
            (f"{block}.fc/linear.0", f"{block}.drop/dropout.0"),
        } <= found
    assert graph.folds == (("0", "1"),) and graph.facts["operations"] == 22


def test_a_write_in_place_stays_a_maker_outside_its_module() -> None:
    class Adds(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.add_(1).exp()

    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.adds = Adds()

        def forward(self, x: Tensor) -> Tensor:
            y = x * 2
            return self.adds(y) + y

    found = links(pl.flow_graph()(Outer().eval(), torch.randn(2, 4)))
    assert {one for one, sink in found if sink == "/add.0"} == {"adds/exp.0", "adds/add.0"}


@pytest.mark.parametrize("real", [True, False])
def test_shapes_alone_end_where_the_model_raises(real: bool) -> None:
    network = NETWORKS["article_net"]
    graph = pl.flow_graph(real=real)(network.build().to("cpu" if real else "meta"), torch.randn(1, 3, 40, 40))
    assert graph.failed == len(graph.nodes) - 1 and graph.modules[0]["last"] == graph.failed
    assert graph.notes[-1].en.startswith("The model raised here")


def test_unread_parameters_are_said() -> None:
    network = NETWORKS["unused_branch"]
    graph = pl.flow_graph()(network.build(), network.x(1))
    assert "did not read 140 of 666 parameters" in graph.notes[0].en and "666 个参数中的 140 个" in graph.notes[0].zh


def test_a_model_that_raises_is_shown_up_to_there() -> None:
    network = NETWORKS["article_net"]
    graph = pl.flow_graph()(network.build(), torch.randn(1, 3, 40, 40))
    last, before = graph.nodes[-1], graph.nodes[-2]
    assert graph.failed == last["id"] and (last["site"], last["op"], last["shape"]) == ("/view.0", "view", ())
    assert last["attributes"]["inputs"] == (before["shape"],) and (before["site"], last["site"]) in links(graph)
    assert last["attributes"]["size"] == (-1, 400) and "RuntimeError “shape '[-1, 400]' is invalid" in graph.notes[0].en
    assert graph.notes[0].zh.startswith("模型在此处抛出异常：RuntimeError“shape") and graph.notes[0].zh.endswith("”")
    assert "raised" in graph.describe("en") and "报错" in graph.describe("zh")
    assert not any(node["op"] == "output" for node in graph.nodes)


def test_a_layer_of_a_wrong_size_is_the_node_that_raised() -> None:
    graph = pl.flow_graph()(nn.Sequential(nn.Flatten(), nn.Linear(5, 2)).eval(), torch.randn(2, 2, 3))
    last = graph.nodes[graph.failed]
    assert (last["site"], last["attributes"]["inputs"], last["shape"]) == ("1/linear.0", ((2, 6),), ())
    assert last["weights"] == {"1.weight": (2, 5), "1.bias": (2,)} and ("0/flatten.0", "1/linear.0") in links(graph)


def test_a_module_that_raises_by_itself_is_a_node() -> None:
    class Refuses(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            raise ValueError(f"not {self.one(x).shape[1]}\n  but 5")

    graph = pl.flow_graph()(nn.Sequential(nn.ReLU(), Refuses()).eval(), torch.randn(2, 4))
    assert [node["site"] for node in graph.nodes] == ["input", "0/relu.0", "1.one/linear.0", "1/raise.0"]
    assert graph.failed == 3 and graph.nodes[3]["attributes"]["inputs"] == ((2, 4),)
    assert ("1.one/linear.0", "1/raise.0") in links(graph) and graph.facts["operations"] == 2
    assert graph.notes[0].zh == "模型在此处抛出异常：ValueError“not 4 but 5”"


def test_an_exception_that_the_model_catches_is_none() -> None:
    class Careful(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            try:
                return x @ x
            except RuntimeError:
                return x.relu()

    graph = pl.flow_graph()(Careful().eval(), torch.randn(2, 4))
    assert graph.failed is None and [node["op"] for node in graph.nodes] == ["input", "relu", "output"]


def test_it_says_what_is_there() -> None:
    network = NETWORKS["article_net"]
    graph = pl.flow_graph()(network.build(), network.x(1))
    assert graph.describe("en").startswith("12 operations and 13 connections; the longest path has 12 operations.")
    assert "12 个运算" in graph.describe("zh") and graph.facts["operations"] == 12
    residual = NETWORKS["residual"]
    assert (
        pl.flow_graph()(residual.build(), residual.x(1)).describe("en").startswith("21 operations and 24 connections")
    )


def test_a_scripted_model_is_refused() -> None:
    with pytest.raises(pl.NotApplicable, match="script"):
        pl.flow_graph()(NETWORKS["scripted"].build(), NETWORKS["scripted"].x(1))


def test_what_cannot_be_measured_is_said() -> None:
    network = NETWORKS["article_net"]
    model, x = network.build(), network.x(1)
    asked = pl.flow_graph(real=False, gradient=1, runs=2)(model, x)
    assert "Not measured: gradients and times" in asked.notes[-1].en and "未测量梯度和耗时" in asked.notes[-1].zh
    assert not any("Not measured" in note.en for note in pl.flow_graph(real=False)(model, x).notes)
    broken = pl.flow_graph(runs=2)(model, x[:, :1])
    assert any("Not measured: times" in note.en for note in broken.notes) and broken.failed is not None
    assert not any("Not measured" in note.en for note in pl.flow_graph(runs=1, gradient=1)(model, x).notes)
