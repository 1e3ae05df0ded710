from pathlib import Path

import torch
from torch import nn

from pellucid.zoo.tree import weight_tree


def test_sums_at_each_level(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2, bias=False)), nn.Linear(2, 1))
    torch.save(net.state_dict(), tmp_path / "a.pth")
    tree = weight_tree(tmp_path / "a.pth")
    rows = {row["name"]: row for row in tree.rows}
    assert [row["name"] for row in tree.rows] == [
        "*", "0", "0.0", "0.0.weight", "0.0.bias", "0.1.weight", "1", "1.weight", "1.bias",
    ]  # fmt: skip
    assert rows["*"]["numbers"] == sum(one.numel() for one in net.parameters()) and rows["*"]["tensors"] == 5
    assert (rows["0"]["numbers"], rows["0"]["bytes"], rows["0"]["shape"]) == (12, 48, None)
    assert (rows["1.weight"]["shape"], rows["1.weight"]["type"]) == ((1, 2), "float32")
    assert tree.provenance.words.title.zh == "权重树" and str(tmp_path / "a.pth") in tree.provenance.code


def test_what_shares_a_name_stands_together(tmp_path: Path) -> None:
    torch.save({f"{part}.{i}": torch.rand(1) for i in range(2) for part in "ab"}, tmp_path / "a.pth")
    assert [row["name"] for row in weight_tree(tmp_path / "a.pth").rows] == ["*", "a", "a.0", "a.1", "b", "b.0", "b.1"]


def test_deep_levels_are_summed_where_there_are_too_many_rows(tmp_path: Path) -> None:
    net = nn.Sequential(*(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)) for _ in range(4)))
    torch.save(net.state_dict(), tmp_path / "a.pth")
    whole, part = weight_tree(tmp_path / "a.pth"), weight_tree(tmp_path / "a.pth", most=15)
    assert len(whole.rows) == 1 + 4 + 8 + 16 and not whole.notes
    assert [row["name"] for row in part.rows] == ["*", *(f"{i}{end}" for i in range(4) for end in ("", ".0", ".1"))]
    assert "2 of 3 levels" in part.notes[0].en and sum(row["numbers"] for row in part.rows[2:4]) == 12
    assert len(weight_tree(tmp_path / "a.pth", most=1).rows) == 5
