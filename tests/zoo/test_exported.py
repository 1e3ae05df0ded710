from pathlib import Path

import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.core.errors import BadSetting
from pellucid.zoo.exported import open_exported

NET = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Dropout(0.5), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
X = torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))


def exported(folder: Path, *, training: bool = False, shapes: object = None) -> Path:
    torch.export.save(torch.export.export(NET.train(training), (X,), dynamic_shapes=shapes), folder / "a.pt2")
    return folder / "a.pt2"


def test_operations_and_weights_are_seen(tmp_path: Path) -> None:
    path = exported(tmp_path, shapes=({0: torch.export.Dim("n")},))
    lens = pl.open(str(path), trust=True)
    assert "trust=True" in lens.said and "exported program" in lens.notes[0].en and len(lens.notes) == 1
    seen = lens.see(X, "saliency", "grad_cam", "flow_graph", "integrated_gradients", target=0)
    assert not seen.failures and seen["grad_cam"].layer == "/relu.0"
    alone = pl.saliency()(NET.eval(), X, target=0).values
    assert abs(seen["saliency"].values - alone).max() < 1e-6


def test_inputs_are_those_that_the_program_states(tmp_path: Path) -> None:
    fixed = open_exported(exported(tmp_path), trust=True)
    assert fixed.inputs[0].words == "2x1x4x4" and "exactly 2x1x4x4" in fixed.notes[1].en
    free = open_exported(exported(tmp_path, shapes=({0: torch.export.Dim("n")},)), trust=True)
    assert free.inputs[0].words == "?x1x4x4" and free.inputs[0].dtype is torch.float32


def test_a_program_of_training_says_so(tmp_path: Path) -> None:
    notes = open_exported(exported(tmp_path, training=True), trust=True).notes
    assert "training mode (aten.dropout.default)" in notes[1].en and not notes[1].aside


def test_it_must_be_trusted_and_whole(tmp_path: Path) -> None:
    path = exported(tmp_path)
    with pytest.raises(BadSetting, match="can run code") as caught:
        open_exported(path, trust=False)
    assert "--trust-code" in caught.value.hint
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(BadSetting, match="cannot be loaded"):
        open_exported(path, trust=True)
