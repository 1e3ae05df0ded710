from pathlib import Path

import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.core.errors import NotApplicable
from pellucid.zoo.held import held, open_held


def test_the_tree_that_names_spell() -> None:
    tensors = {
        "a.0.weight": torch.rand(2, 3),
        "a.0.count": torch.tensor(3),
        "b": torch.rand(1),
        "training": torch.rand(1),
    }
    tree = held(tensors)
    assert {name for name, _ in tree.named_parameters()} == {"a.0.weight", "b", "training"}
    assert [name for name, _ in tree.named_buffers()] == ["a.0.count"]
    assert all(torch.equal(tree.state_dict()[name], one) for name, one in tensors.items())


def test_weights_are_seen_and_nothing_runs(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(4, 2))
    torch.save({"model": net.state_dict()}, tmp_path / "a.pth")
    lens = pl.open(str(tmp_path / "a.pth"))
    assert lens.name == "a" and ["alone" in lens.notes[0].en, "'model'" in lens.notes[1].en] == [True, True]
    gallery = lens.see(None, "weights")["weights"]
    assert gallery.values.shape == (4, 3, 3, 3) and gallery.layer == "0:weight"
    with pytest.raises(NotApplicable, match="weights alone"):
        pl.saliency()(lens, torch.rand(1, 3, 4, 4))


def test_one_of_several_sets(tmp_path: Path) -> None:
    torch.save({"model": {"w": torch.zeros(2)}, "ema": {"w": torch.ones(2)}}, tmp_path / "a.pth")
    assert float(open_held(f"{tmp_path}/a.pth#ema").model.w.sum().detach()) == 2
