import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pellucid.core.errors import BadWeights
from pellucid.inputs.checkpoints.checkpoint import read_weights
from pellucid.inputs.checkpoints.sharded import shards_of


def index(folder: Path, named: object) -> Path:
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": named}))
    return path


def test_each_tensor_comes_from_the_file_that_is_named_for_it(tmp_path: Path) -> None:
    first, second = torch.rand(2), torch.rand(3)
    save_file({"a": first, "b": -second}, tmp_path / "1.safetensors")
    save_file({"b": second}, tmp_path / "2.safetensors")
    path = index(tmp_path, {"a": "1.safetensors", "b": "2.safetensors"})
    assert shards_of(path) == {tmp_path / "1.safetensors": ["a"], tmp_path / "2.safetensors": ["b"]}
    tensors, _ = read_weights(path)
    assert torch.equal(tensors["a"], first) and torch.equal(tensors["b"], second)
    with pytest.raises(BadWeights, match=r"'.*2.safetensors' lacks 'a'"):
        read_weights(index(tmp_path, {"a": "2.safetensors"}))


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "x/y", "..", "", "a\\b", "a\0b", 3, None, ["a"]])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: object) -> None:
    with pytest.raises(BadWeights, match="refused: it names"):
        shards_of(index(tmp_path, {"a": name}))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weight_map": 3}', "[" * 5000])
def test_damaged_indexes(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.index.json").write_text(text)
    with pytest.raises(BadWeights, match=r"no index of weights|empty"):
        read_weights(tmp_path / "a.index.json")


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadWeights, match="1 of 1 files") as caught:
        shards_of(index(tmp_path, {"a": "1.safetensors"}))
    assert "'1.safetensors'" in caught.value.nearest
