import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from pellucid.core.errors import BadSetting
from pellucid.zoo.onnx.older import VERSION, lower


def model(
    *nodes: onnx.NodeProto, version: int = 20, shape: tuple[int, ...] = (2, 7), **weights: object
) -> onnx.ModelProto:
    held = [numpy_helper.from_array(np.asarray(value, np.int64), name) for name, value in weights.items()]
    x, y = (helper.make_tensor_value_info(name, 1, shape if name == "x" else None) for name in "xy")
    y.type.tensor_type.shape.SetInParent()
    graph = helper.make_graph(list(nodes), "g", [x], [y], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)])


def lowered(made: onnx.ModelProto) -> onnx.ModelProto:
    lower(made)
    return made


def run(made: onnx.ModelProto, x: np.ndarray) -> list[np.ndarray]:
    """What the graph computes, by the reference that comes with the format."""
    return ReferenceEvaluator(made).run(None, {"x": x})


X = np.random.default_rng(0).standard_normal((2, 7)).astype(np.float32)
node = helper.make_node


CASES = {
    "axes": lambda: model(node("ReduceMean", ["x", "axes"], ["y"], keepdims=0), axes=[1]),
    "all axes": lambda: model(node("ReduceMax", ["x"], ["y"])),
    "zeros": lambda: model(node("Reshape", ["x", "sizes"], ["y"], allowzero=1), sizes=[14]),
    "uneven pieces": lambda: model(node("Split", ["x"], ["y", "b", "c"], axis=1, num_outputs=3)),
    "even pieces": lambda: model(node("Split", ["x"], ["y", "b"], axis=0, num_outputs=2)),
    "alias": lambda: model(
        node("Identity", ["w"], ["v"]), node("Cast", ["v"], ["z"], to=1), node("Add", ["x", "z"], ["y"]), w=[1]
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_graph_says_the_same_in_older_operators(case: str) -> None:
    made = CASES[case]()
    before = run(made, X)
    after = lowered(made)
    assert after.opset_import[0].version == VERSION
    assert all(np.array_equal(a, b) for a, b in zip(run(after, X), before, strict=True))


def test_constants_become_weights_and_aliases_vanish() -> None:
    constant = node("Constant", [], ["k"], value=numpy_helper.from_array(np.float32(2)))
    made = lowered(model(constant, node("Identity", ["k"], ["same"]), node("Mul", ["x", "same"], ["y"])))
    assert [one.op_type for one in made.graph.node] == ["Mul"] and list(made.graph.node[0].input) == ["x", "k"]
    assert np.array_equal(run(made, X)[0], X * 2)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (node("ReduceMean", ["x", "axes"], ["y"]), "computes its axes"),
        (node("Pad", ["x", "p", "", "axes"], ["y"]), "pads along chosen axes"),
        (node("Resize", ["x"], ["y"], antialias=1), "antialias=1"),
        (node("Reshape", ["x", "s"], ["y"], allowzero=1), "0 as a size"),
        (node("Split", ["unknown"], ["y", "b"], num_outputs=2), "unknown size"),
        (node("AveragePool", ["x"], ["y"], kernel_shape=[2], dilations=[2]), "dilations"),
    ],
)
def test_what_older_operators_cannot_say_is_named(one: onnx.NodeProto, words: str) -> None:
    with pytest.raises(BadSetting, match=words) as caught:
        lower(model(one))
    assert one.op_type in caught.value.what and "opset_version=17" in caught.value.hint


def test_versions_to_come_are_refused() -> None:
    with pytest.raises(BadSetting, match="version 24"):
        lower(model(version=24))
