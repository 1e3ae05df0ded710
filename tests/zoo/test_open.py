from pathlib import Path

import pytest
import torch
from torch import nn

from pellucid.core.errors import BadSetting, BadWeights
from pellucid.zoo.open import open_model


@pytest.mark.parametrize(
    ("spec", "near"),
    [
        ("resnet18", "'torchvision:resnet18', 'timm:resnet18'"),
        ("nets.py", "'nets.py:Net'"),
        (":Net", ""),
        ("nets:", ""),
        ("", ""),
    ],
)
def test_what_names_no_model(spec: str, near: str) -> None:
    with pytest.raises(BadSetting, match="does not name a model") as caught:
        open_model(spec)
    assert near in caught.value.nearest and "file.py:Class" in caught.value.hint


def test_kinds_to_come() -> None:
    for spec in ("a.onnx", "a.pt2"):
        with pytest.raises(BadSetting, match="not opened by name yet"):
            open_model(spec)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_files_that_hold_no_network(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 2).state_dict(), tmp_path / "a.pth")
    with pytest.raises(BadSetting, match="holds weights; the network") as caught:
        open_model(str(tmp_path / "a.pth"))
    assert "weights=" in caught.value.hint
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), tmp_path / "a.pt")
    with pytest.raises(BadSetting, match="TorchScript model: its layers are compiled") as caught:
        open_model(str(tmp_path / "a.pt"))
    assert "torch.jit.load" in caught.value.hint


def test_weights_are_loaded_and_told(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text(
        "from torch import nn\nclass Net(nn.Linear):\n    def __init__(self):\n        super().__init__(3, 2)\n"
    )
    source = nn.Linear(3, 2)
    torch.save({"state_dict": source.state_dict()}, tmp_path / "model.pth")
    opened = open_model(f"{tmp_path}/nets.py:Net", tmp_path / "model.pth")
    assert torch.equal(opened.model.weight, source.weight) and not opened.model.training and opened.name == "Net"
    assert [str(tmp_path / "nets.py") in opened.notes[0].en, "'state_dict'" in opened.notes[1].en] == [True, True]
    with pytest.raises(BadWeights, match="no file"):
        open_model(f"{tmp_path}/nets.py:Net", tmp_path / "none.pth")
