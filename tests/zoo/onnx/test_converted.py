from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch import nn

from pellucid.core.errors import BadSetting
from pellucid.zoo.onnx.converted import converted

node = helper.make_node


def graph(*nodes: onnx.NodeProto, **weights: np.ndarray) -> onnx.ModelProto:
    held = [numpy_helper.from_array(one, name.replace("__", ".")) for name, one in weights.items()]
    x, y = helper.make_tensor_value_info("x", 1, [2, 3]), helper.make_tensor_value_info("y", 1, [2, 3])
    return helper.make_model(
        helper.make_graph(list(nodes), "g", [x], [y], held), opset_imports=[helper.make_opsetid("", 17)]
    )


RNG = np.random.default_rng(0)
MATRIX, ROW = RNG.standard_normal((3, 3)).astype(np.float32), RNG.standard_normal(3).astype(np.float32)
X = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))


def test_weights_bear_their_names_and_are_held_once() -> None:
    nodes = [
        node("MatMul", ["x", "head.weight"], ["a"], name="/head/MatMul"),
        node("Add", ["a", "head.bias"], ["b"], name="/head/Add"),
        node("Mul", ["b", "head.bias"], ["y"], name="/Mul"),
    ]
    model = converted(onnx, graph(*nodes, head__weight=MATRIX, head__bias=ROW), Path("a.onnx"))
    held = dict(model.named_parameters())
    assert held.keys() == {"head.weight", "head.bias"} and isinstance(held["head.weight"], nn.Parameter)
    expected = (X @ torch.from_numpy(MATRIX) + torch.from_numpy(ROW)) * torch.from_numpy(ROW)
    assert torch.allclose(model(X), expected, atol=1e-6)


def test_a_name_that_the_exporter_made_up_gives_way_to_that_of_its_reader() -> None:
    proto = graph(node("MatMul", ["x", "w"], ["y"], name="/block/block.0/MatMul"), w=MATRIX)
    proto.graph.initializer[0].name = proto.graph.node[0].input[1] = "onnx::MatMul_12"
    model = converted(onnx, proto, Path("a.onnx"))
    assert [name for name, _ in model.named_parameters()] == ["block.0.weight"]


@pytest.mark.parametrize(("name", "learned"), [("onnx::Expand_1", False), ("state", True)])
def test_a_filling_that_the_exporter_made_up_is_no_weight(name: str, learned: bool) -> None:
    proto = graph(node("Add", ["x", "w"], ["y"], name="/Add"), w=np.zeros_like(ROW))
    proto.graph.initializer[0].name = proto.graph.node[0].input[1] = name
    assert bool(list(converted(onnx, proto, Path("a.onnx")).parameters())) == learned


@pytest.mark.parametrize("dims", [[2**40], [7]])
def test_graphs_that_contradict_themselves_are_refused(dims: list[int]) -> None:
    proto = graph(node("Add", ["x", "w"], ["y"]), w=ROW)
    del proto.graph.initializer[0].dims[:]
    proto.graph.initializer[0].dims.extend(dims)
    with pytest.raises(BadSetting, match=r"a\.onnx' cannot be converted"):
        converted(onnx, proto, Path("a.onnx"))
