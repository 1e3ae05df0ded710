from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import helper, numpy_helper

from pellucid.zoo.onnx.file import open_onnx

RNG = np.random.default_rng(0)
node = helper.make_node


def numbers(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def recurrent(kind: str, directions: int, **more: object) -> tuple:
    gates = 4 if kind == "LSTM" else 3
    way = {"direction": "bidirectional"} if directions == 2 else {}
    outputs = ["y", "last", "cell"] if kind == "LSTM" else ["y", "last"]
    weights = {
        "w": numbers(directions, gates * 5, 3),
        "r": numbers(directions, gates * 5, 5),
        "b": numbers(directions, gates * 10),
    }
    return node(kind, ["x", "w", "r", "b"], outputs, hidden_size=5, **way, **more), (4, 2, 3), weights


CASES = {
    "gelu": (node("Gelu", ["x"], ["y"]), (2, 7), {}),
    "gelu tanh": (node("Gelu", ["x"], ["y"], approximate="tanh"), (2, 7), {}),
    "mish": (node("Mish", ["x"], ["y"]), (2, 7), {}),
    "upper": (node("Trilu", ["x", "k"], ["y"]), (2, 5, 5), {"k": np.array(1)}),
    "lower": (node("Trilu", ["x"], ["y"], upper=0), (5, 5), {}),
    "slice": (
        node("Slice", ["x", "s", "e", "a", "t"], ["y"]),
        (4, 9),
        {"s": np.array([-1, 1]), "e": np.array([-(2**40), 2**40]), "a": np.array([0, -1]), "t": np.array([-2, 3])},
    ),
    "slice to nothing": (node("Slice", ["x", "s", "e"], ["y"]), (4, 3), {"s": np.array([3]), "e": np.array([1])}),
    "norm": (node("LayerNormalization", ["x", "s", "b"], ["y"]), (2, 7), {"s": numbers(7), "b": numbers(7)}),
    "norm without bias": (node("LayerNormalization", ["x", "s"], ["y"], axis=1), (2, 3, 4), {"s": numbers(3, 4)}),
    "lstm": recurrent("LSTM", 1),
    "lstm both ways": recurrent("LSTM", 2),
    "gru": recurrent("GRU", 1, linear_before_reset=1),
    "gru both ways": recurrent("GRU", 2, linear_before_reset=1),
}


@pytest.mark.parametrize("case", CASES)
def test_each_operator_computes_what_onnxruntime_computes(tmp_path: Path, case: str) -> None:
    one, shape, weights = CASES[case]
    held = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    x, y = helper.make_tensor_value_info("x", 1, shape), helper.make_tensor_value_info("y", 1, None)
    made = helper.make_model(helper.make_graph([one], "g", [x], [y], held), opset_imports=[helper.make_opsetid("", 20)])
    made.ir_version = 10
    (tmp_path / "a.onnx").write_bytes(made.SerializeToString())
    opened = open_onnx(tmp_path / "a.onnx")
    import onnxruntime

    given = numbers(*shape)
    expected = onnxruntime.InferenceSession(str(tmp_path / "a.onnx")).run(["y"], {"x": given})[0]
    seen = opened.model(torch.from_numpy(given))
    seen = seen[0] if isinstance(seen, tuple) else seen
    assert seen.shape == expected.shape and np.abs(seen.detach().numpy() - expected).max(initial=0) < 1e-5
