from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch import nn

import pellucid as pl
from pellucid.core.errors import BadSetting, BadWeights
from pellucid.zoo.onnx.file import onnx_proto, open_onnx

node = helper.make_node


def written(folder: Path, *nodes: onnx.NodeProto, version: int = 17, weights: tuple = (), **metadata: str) -> Path:
    x, y = (helper.make_tensor_value_info(name, 1, [1, 4]) for name in "xy")
    graph = helper.make_graph(list(nodes), "g", [x], [y], list(weights))
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", version), helper.make_opsetid("own", 1)])
    made.ir_version = 10
    helper.set_model_props(made, metadata)
    (folder / "a.onnx").write_bytes(made.SerializeToString())
    return folder / "a.onnx"


@pytest.mark.parametrize("name", ["names", "classes"])
@pytest.mark.parametrize("told", ["{0: 'cat', 1: 'dog'}", "['cat', 'dog']"])
def test_labels_and_inputs_are_those_that_the_file_states(tmp_path: Path, name: str, told: str) -> None:
    opened = open_onnx(written(tmp_path, node("Relu", ["x"], ["y"]), **{name: told}))
    assert opened.labels == ("cat", "dog") and opened.name == "a"
    assert [(one.name, one.words, one.dtype) for one in opened.inputs] == [("x", "1x4", torch.float32)]


@pytest.mark.parametrize("told", ["{0: 'cat', 2: 'dog'}", "__import__('os')", "3", "["])
def test_labels_that_are_none(tmp_path: Path, told: str) -> None:
    assert open_onnx(written(tmp_path, node("Relu", ["x"], ["y"]), names=told)).labels is None


def test_operators_that_are_not_converted_are_named(tmp_path: Path) -> None:
    for one, name in (
        (node("Det", ["x"], ["y"], name="here"), "Det"),
        (node("Swish", ["x"], ["y"], domain="own"), "own.Swish"),
    ):
        with pytest.raises(BadSetting, match=f"cannot be converted: {name}") as caught:
            open_onnx(written(tmp_path, one))
        assert "weight_tree" in caught.value.hint
    inner = helper.make_graph([], "inner", [], [])
    with pytest.raises(BadSetting, match="If of the file holds a graph of its own"):
        open_onnx(written(tmp_path, node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)))


def test_damaged_files(tmp_path: Path) -> None:
    for content in (b"hello", b"\x08\x01", bytes(range(256)) * 9):
        (tmp_path / "a.onnx").write_bytes(content)
        with pytest.raises(BadWeights, match="damaged, or no ONNX file"):
            open_onnx(tmp_path / "a.onnx")


def outside(folder: Path, location: str, **more: str) -> Path:
    weight = onnx.TensorProto(name="w", data_type=1, dims=[1, 4], data_location=1)
    for key, value in {"location": location, **more}.items():
        weight.external_data.add(key=key, value=value)
    return written(folder, node("Add", ["x", "w"], ["y"]), weights=(weight,))


@pytest.mark.parametrize(
    "place", ["../secret", "/etc/hostname", "a/../../secret", "..\\secret", "C:secret", "", "link"]
)
def test_weights_outside_the_folder_are_refused(tmp_path: Path, place: str) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "secret").write_bytes(b"\0" * 16)
    (inner / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(BadWeights, match="outside its folder"):
        open_onnx(outside(inner, place))


def test_weights_beside_the_file_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.data").write_bytes(np.arange(4, dtype=np.float32).tobytes())
    opened = open_onnx(outside(tmp_path, "a.data", length="16"))
    assert torch.equal(opened.model(torch.zeros(1, 4)).detach(), torch.arange(4.0)[None])
    for told in ({"length": "999"}, {"offset": "-8"}, {"length": "x"}):
        with pytest.raises(BadWeights, match="claims bytes"):
            open_onnx(outside(tmp_path, "a.data", **told))
    with pytest.raises(BadWeights, match="there is no"):
        open_onnx(outside(tmp_path, "b.data"))
    assert onnx_proto(outside(tmp_path, "b.data")).graph.initializer[0].name == "w"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_files_as_torch_exports_them_by_itself(tmp_path: Path) -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(4), nn.Linear(4, 3)
    )
    x = torch.rand(1, 3, 8, 8)
    torch.onnx.export(net.eval(), (x,), tmp_path / "a.onnx", verbose=False)
    lens = pl.open(str(tmp_path / "a.onnx"))
    assert torch.allclose(lens.model(x), net(x), atol=1e-6) and "onnxruntime" in lens.notes[1].en
    seen = lens.see(x, "grad_cam", "saliency", "flow_graph", target=0)
    assert not seen.failures and abs(seen["saliency"].values - pl.saliency()(net, x, target=0).values).max() < 1e-6
    assert {"0.weight", "5.weight"} <= {name for name, _ in lens.model.named_parameters()}


def test_names_of_a_hostile_file_are_no_code(tmp_path: Path) -> None:
    """Modules are called in source code that torch makes of the graph: a name with a quote would end the string."""
    canary = tmp_path / "canary"
    word = f'a", None) or __import__("pathlib").Path("{canary}").touch() or getattr(self, "a'
    weight = numpy_helper.from_array(np.ones((1, 4), np.float32), word)
    nodes = [node("Add", ["x", word], [word + "1"], name=word), node("Relu", [word + "1"], ["y"], name="/forward/Relu")]
    opened = open_onnx(written(tmp_path, *nodes, weights=(weight,)))
    assert torch.equal(opened.model(torch.zeros(1, 4)).detach(), torch.ones(1, 4)) and not canary.exists()
    assert "forward_" in dict(opened.model.named_modules())


def test_the_extra_is_named_where_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    path = written(tmp_path, node("Relu", ["x"], ["y"]))
    monkeypatch.setitem(sys.modules, "onnx2torch", None)
    with pytest.raises(BadSetting, match="onnx2torch is not installed") as caught:
        open_onnx(path)
    assert "pellucid[onnx]" in caught.value.hint
