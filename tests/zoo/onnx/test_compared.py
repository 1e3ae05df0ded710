from pathlib import Path

import onnx
import pytest
import torch
from onnx import helper
from torch import nn

from pellucid.core.errors import BadSetting
from pellucid.zoo.onnx.compared import compared
from pellucid.zoo.opened import StatedInput


class Doubled(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.factor


@pytest.fixture
def path(tmp_path: Path) -> Path:
    x, y = (helper.make_tensor_value_info(name, 1, ["n", 3]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "g", [x], [y])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 10
    onnx.save(made, tmp_path / "a.onnx")
    return tmp_path / "a.onnx"


STATED = (StatedInput("x", (None, 3)),)


def test_the_distance_is_told(path: Path) -> None:
    (note,) = compared(Doubled(2.0), path, STATED)
    assert "within 0.0e+00 of onnxruntime" in note.en and note.aside


@pytest.mark.parametrize("factor", [2.1, -2.0, float("nan")])
def test_a_network_that_computes_something_else_is_refused(path: Path, factor: float) -> None:
    with pytest.raises(BadSetting, match="computes something else"):
        list(compared(Doubled(factor), path, STATED))


def test_a_network_that_cannot_run_is_refused(path: Path) -> None:
    with pytest.raises(BadSetting, match="cannot run: RuntimeError"):
        list(compared(nn.Linear(4, 4), path, STATED))


def test_without_the_runtime_that_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (note,) = compared(Doubled(3.0), path, STATED)
    assert "was not checked" in note.en
