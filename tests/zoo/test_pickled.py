from pathlib import Path

import pytest
import torch
from torch import nn

from pellucid.core.errors import BadWeights
from pellucid.zoo.pickled import open_pickled


def test_a_whole_model_and_one_under_a_key(tmp_path: Path) -> None:
    net = nn.Linear(2, 3)
    torch.save(net, tmp_path / "a.pt")
    torch.save({"epoch": 1, "model": net}, tmp_path / "b.pt")
    for name, notes in (("a.pt", 1), ("b.pt", 2)):
        opened = open_pickled(tmp_path / name)
        assert torch.equal(opened.model.weight, net.weight) and opened.name == "Linear" and len(opened.notes) == notes
    assert "'model'" in opened.notes[1].en and "can run any code" in opened.notes[0].en


def test_weights_alone_stay_weights_alone(tmp_path: Path) -> None:
    torch.save(nn.Linear(2, 3).state_dict(), tmp_path / "a.pt")
    assert "weights alone" in open_pickled(tmp_path / "a.pt").notes[0].en


def test_code_that_is_not_here_is_named(tmp_path: Path) -> None:
    text = b"cmissing_library_of_somebody\nNet\n."
    (tmp_path / "a.pt").write_bytes(b"\x80\x02" + text)
    with pytest.raises(BadWeights):
        open_pickled(tmp_path / "a.pt")
