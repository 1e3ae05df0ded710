from pathlib import Path

import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.core.errors import BadSetting
from pellucid.zoo.script import open_script

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit")


def traced(folder: Path) -> Path:
    torch.jit.save(torch.jit.trace(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)), torch.rand(1, 2, 2)), folder / "a.pt")
    return folder / "a.pt"


def test_input_gradients_are_seen_and_no_layers(tmp_path: Path) -> None:
    lens = pl.open(str(traced(tmp_path)), trust=True)
    assert lens.name == "Sequential" and "cannot be looked into" in lens.notes[0].en
    seen = lens.see(torch.rand(2, 2, 2), "saliency", "grad_cam", target=1)
    assert seen["saliency"].values.shape == (2, 2, 2) and [one.method for one in seen.failures] == ["grad_cam"]


def test_it_must_be_trusted_and_whole(tmp_path: Path) -> None:
    path = traced(tmp_path)
    with pytest.raises(BadSetting, match="holds code, which would run") as caught:
        open_script(path, trust=False)
    assert "trust=True" in caught.value.hint and "the class" in caught.value.hint
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(BadSetting, match="cannot be loaded as TorchScript"):
        open_script(path, trust=True)
