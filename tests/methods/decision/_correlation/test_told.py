"""What stands under maps of units over the input."""

import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.results import Gallery
from pellucid.results.failure import Failure


def said(model: nn.Module, data: object, lang: str = "en", **settings: object) -> str:
    given = pl.Lens(model.eval()).sweep(data, pl.correlation(**settings))[0]
    assert not isinstance(given, Failure), given.reason
    assert isinstance(given[0], Gallery)
    return " ".join(note.say(lang) for note in given[0].notes)


class Squeezed(nn.Module):
    """A convolution whose channels are scaled by their means over the whole input."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.scale = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        made = torch.relu(self.first(x))
        return made * torch.sigmoid(self.scale(made.mean((2, 3), keepdim=True)))


@pytest.mark.parametrize(
    ("model", "data", "english", "chinese"),
    [
        (nn.Conv2d(3, 4, 3), "noise:9#3x6x6", "A unit sees 3 × 3 of the input; outside that box", "能看到输入的 3 × 3"),
        (nn.Conv2d(3, 4, 3), "noise:9#3x6x6", "144 pairs of a box and a unit, up to 16 of each", "共 144 对"),
        (nn.Conv2d(3, 4, 3), "noise:9#3x6x6", "a jackknife over 9 groups", "9 组样本"),
        (nn.Conv2d(3, 20, 3), "noise:9#3x6x6", "the 16 of 20 channels", "20 个通道中最明显高于噪声的 16 个"),
        (nn.Conv2d(2, 4, 3), "noise:9#2x6x6", "the 2 channels of the input stand beside", "输入的 2 个通道"),
        (nn.Conv2d(6, 4, 3), "noise:9#6x6x6", "Of the 6 channels of the input", "输入有 6 个通道"),
        (Squeezed(), "noise:9#3x6x6", "along its local paths", "沿局部路径"),
        (nn.Linear(5, 3), "noise:9#5", "sees the whole input", "看到整个输入"),
        (nn.Linear(5, 3), "noise:9#5", "values of the input in their order", "依次是输入的各个值"),
        (nn.Conv1d(2, 4, 3), "noise:9#2x9", "A unit sees 3 steps of the input", "输入的 3 步"),
        (nn.Conv1d(2, 4, 3), "noise:9#2x9", "Each row of a tile is a channel", "一行是输入的一个通道"),
        (nn.Conv2d(1, 4, 7, padding=3), "noise:9#1x6x5", "has all of its box inside", "伸出输入之外"),
        (nn.Linear(5, 3), "noise:9#5", "white noise", "白噪声"),
    ],
)
def test_how_a_map_was_made_is_told_in_both_languages(model: nn.Module, data: str, english: str, chinese: str) -> None:
    layer = {"layer": ""}
    assert english in said(model, data, **layer)
    assert chinese in said(model, data, "zh", **layer)


def test_that_the_map_is_zero_outside_is_said_only_where_it_is() -> None:
    """Of pictures whose pixels are alike, those outside the box correlate with the unit too."""
    pictures, model = torch.randn(30, 1, 1, 1).expand(30, 1, 6, 6) + 0.1 * torch.randn(30, 1, 6, 6), nn.Conv2d(1, 2, 3)
    outside = torch.corrcoef(torch.stack([pictures[:, 0, 5, 5], model(pictures)[:, 0, 0, 0].detach()]))[0, 1]
    assert abs(outside) > 0.3
    assert "zero by construction" not in said(model, pictures, layer="")
    assert "What lies outside has no effect" in said(model, pictures, layer="")
    assert "框外的输入" in said(model, pictures, "zh", layer="")
    assert "zero by construction" in said(model, pictures, layer="", measure="weights")
    assert "zero by construction" in said(model, "noise:9#1x6x6", layer="")


def test_whitening_is_told() -> None:
    model, settings = nn.Linear(5, 3), {"layer": "", "measure": "weights"}
    rows = torch.randn(30, 5)
    assert "least squares" in said(model, rows, **settings) and "最小二乘" in said(model, rows, "zh", **settings)
    assert "known variance" in said(model, "noise:4#5", **settings) and "已知的噪声方差" in said(
        model, "noise:4#5", "zh", **settings
    )
    assert "0.2 of the mean variance" in said(model, rows, ridge=0.2, **settings)
    rows[:, 1] = rows[:, 0]
    assert "singular" in said(model, rows, **settings) and "奇异" in said(model, rows, "zh", **settings)


def test_what_is_left_out_is_told() -> None:
    rows = torch.randn(12, 5)
    rows[:, 3] = 2
    assert "1 of 5 values of the box never vary" in said(nn.Linear(5, 3), rows, layer="")
    dead = nn.Sequential(nn.Linear(5, 2), nn.ReLU())
    nn.init.constant_(dead[0].bias, -100)  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="no channel"):
        said(dead, rows, layer="1")
    broken = nn.Sequential(nn.Linear(5, 2, bias=False), Log())
    assert "pairs are not finite" in said(broken, torch.cat([rows, torch.zeros(1, 5)]), layer="1")


class Log(nn.Module):
    """Not finite where everything is zero."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.log(x.abs())
