"""`pellucid see MODEL` without an input: structure and weights."""

from pathlib import Path

import onnx
import pytest
import torch
from click.testing import CliRunner
from onnx import helper, numpy_helper
from torch import nn

from pellucid.cli import main
from pellucid.cli.alone import refuse_input, standing, with_tree
from pellucid.lens.lens import Lens
from pellucid.registry import view
from pellucid.zoo.opening import open as open_lens


@pytest.fixture(autouse=True)
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    torch.save({"model": net.state_dict()}, "weights.pth")
    held = [numpy_helper.from_array(one.detach().numpy(), f"0.{name}") for name, one in net[0].named_parameters()]
    x, y = (helper.make_tensor_value_info(name, 1, ["n", size, None, None]) for name, size in (("x", 3), ("y", 4)))
    nodes = [helper.make_node("Conv", ["x", "0.weight", "0.bias"], ["c"]), helper.make_node("Relu", ["c"], ["y"])]
    made = helper.make_model(helper.make_graph(nodes, "g", [x], [y], held), opset_imports=[helper.make_opsetid("", 17)])
    made.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 8
    made.graph.input[0].type.tensor_type.shape.dim[3].dim_value = 8
    made.ir_version = 10
    onnx.save(made, "model.onnx")


def see(*words):
    return CliRunner().invoke(main, ["see", *words])


def test_an_onnx_file_shows_its_graph_and_its_weights():
    seen = see("model.onnx", "-o", "x.json", "-m", "weights")
    assert seen.exit_code == 0, seen.output
    seen = see("model.onnx", "-o", "all")
    assert seen.exit_code == 0, seen.output
    assert "flow_graph" in seen.output and "2 operations" in seen.output and "weights 0:weight" in seen.output


def test_weights_alone_show_their_tree_and_their_numbers():
    seen = see("weights.pth", "-o", "all")
    assert seen.exit_code == 0, seen.output
    assert "weight_tree" in seen.output and "weights 0:weight" in seen.output and "weights alone" in seen.output


def test_a_source_that_states_no_size_says_what_is_lacking():
    lens = Lens(nn.Linear(2, 2))
    x, views, note = standing(lens, [view("flow_graph")])
    assert (x, views) == (None, []) and "random:1x3x224x224" in note.en
    seen = lens.see(None, "weights")
    assert with_tree(lens, "nets.py:Net", seen) is seen


def test_a_model_of_texts_is_not_asked_for_a_picture():
    class Reader(nn.Module):
        def forward(self, input_ids):
            return input_ids

    _, _, lacking = standing(Lens(Reader()), [view("flow_graph")])
    assert lacking is not None and "some text" in lacking.en and "224" not in lacking.en


def test_inputs_are_zeros_of_the_stated_shape_of_which_shapes_alone_are_followed():
    x, views, note = standing(open_lens("model.onnx"), [view("flow_graph"), view("weights")])
    assert torch.equal(x, torch.zeros(1, 3, 8, 8)) and note is None
    assert [one.name for one in views] == ["flow_graph", "weights"] and views[0].changed["real"] is False
    assert standing(open_lens("model.onnx"), [view("weights")])[0] is None


def test_a_flow_graph_that_is_asked_for_needs_no_input_either():
    seen = see("model.onnx", "-m", "flow_graph", "-m", "weights", "-o", "x.html")
    assert seen.exit_code == 0 and "2 operations" in seen.output, seen.output
    seen = see("model.onnx", "-m", "flow_graph", "-m", "saliency", "-o", "x.html")
    assert seen.exit_code == 2 and "needs an input" in seen.output
    seen = see("weights.pth", "-m", "flow_graph")
    assert seen.exit_code == 2 and "weights alone" in seen.output and "net.py:Net INPUT" in seen.output


def test_a_model_with_nothing_to_show_says_so():
    Path("nets.py").write_text("from torch import nn\nEmpty = nn.Identity\n")
    seen = see("nets.py:Empty")
    assert seen.exit_code == 2 and "nothing to show" in seen.output and "INPUT" in seen.output
    assert not Path("pellucid-report.html").exists()


def test_an_input_for_weights_alone_is_refused():
    seen = see("weights.pth", "random:1x3x8x8")
    assert seen.exit_code == 2 and "weights alone" in seen.output and "-w weights.pth" in seen.output
    refuse_input(Lens(nn.Linear(2, 2)), "nets.py:Net")
