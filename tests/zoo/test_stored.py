import json
from pathlib import Path

import onnx
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from pellucid.core.errors import BadWeights
from pellucid.zoo.stored import Stored, stored

NET = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2).half())


def expected() -> set[Stored]:
    return {
        Stored(name, tuple(one.shape), str(one.dtype)[6:], one.numel() * one.itemsize)
        for name, one in NET.state_dict().items()
    }


def test_every_form_tells_the_same_names_shapes_and_types(tmp_path: Path) -> None:
    state = NET.state_dict()
    save_file(state, tmp_path / "a.safetensors")
    torch.save({"state_dict": state}, tmp_path / "a.pth")
    (tmp_path / "a.index.json").write_text(json.dumps({"weight_map": dict.fromkeys(state, "a.safetensors")}))
    for name in ("a.safetensors", "a.pth", "a.index.json"):
        assert set(stored(tmp_path / name)) == expected()
    assert sum(one.numbers for one in stored(tmp_path / "a.pth")) == sum(one.numel() for one in state.values())


def test_programs_and_graphs(tmp_path: Path) -> None:
    net = nn.Linear(3, 2)
    torch.export.save(torch.export.export(net, (torch.rand(1, 3),)), tmp_path / "a.pt2")
    weight = onnx.numpy_helper.from_array(net.weight.detach().numpy(), "weight")
    graph = onnx.helper.make_graph([], "g", [], [], [weight])
    (tmp_path / "a.onnx").write_bytes(onnx.helper.make_model(graph).SerializeToString())
    assert set(stored(tmp_path / "a.pt2")) == {
        Stored("weight", (2, 3), "float32", 24),
        Stored("bias", (2,), "float32", 8),
    }
    assert stored(tmp_path / "a.onnx") == (Stored("weight", (2, 3), "float32", 24),)


def test_numbers_are_not_read(tmp_path: Path) -> None:
    """A file whose numbers are a hole on the disk: 1 TB of them, were they read."""
    head = json.dumps({"a": {"dtype": "F32", "shape": [2**38], "data_offsets": [0, 2**40]}}).encode()
    with (tmp_path / "a.safetensors").open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        file.truncate(8 + len(head) + 2**40)
    assert stored(tmp_path / "a.safetensors") == (Stored("a", (2**38,), "float32", 2**40),)


@pytest.mark.parametrize(
    "text", ["[", "[]", '{"a": 3}', '{"a": {"dtype": "F32", "shape": [9], "data_offsets": [0, 4]}}',
             '{"a": {"dtype": "F32", "shape": [-9], "data_offsets": [0, 4]}}']
)  # fmt: skip
def test_hostile_headers(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.safetensors").write_bytes(len(text).to_bytes(8, "little") + text.encode() + b"\0" * 4)
    with pytest.raises(BadWeights, match=r"damaged|claims"):
        stored(tmp_path / "a.safetensors")
