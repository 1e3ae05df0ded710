"""Score-CAM: the formula by hand on every kind of grid, identities, and the peer after its own scaling."""

import copy

import numpy as np
import pytest
import torch
from pytorch_grad_cam import ScoreCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models

import pellucid as pl
from tests.networks import NETWORKS, known, seeded

MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}


def by_hand(model: nn.Module, layer: str, x: Tensor, target: list[int]) -> tuple[np.ndarray, list[list[float]]]:
    """One forward per example and channel, all channels; the signed map and the weights."""
    kept: list[Tensor] = []
    handle = model.get_submodule(layer).register_forward_hook(lambda _m, _a, out: kept.append(out.clone()))
    with torch.no_grad():
        model(x)
        handle.remove()
        maps, weights = [], []
        for i, label in enumerate(target):
            scores = []
            for channel in kept[0][i]:
                mask = F.interpolate(channel[None, None], x.shape[2:], mode=MODES[x.ndim - 2], align_corners=False)[
                    0, 0
                ]
                mask = (mask - mask.min()) / (mask.max() - mask.min())
                scores.append(model(x[i : i + 1] * mask)[0, label])
            weights.append(torch.stack(scores).softmax(0))
            maps.append(sum(w * channel for w, channel in zip(weights[-1], kept[0][i], strict=True)))
    return torch.stack(maps).numpy(), [one.tolist() for one in weights]


@pytest.mark.parametrize(
    ("network", "layer", "axes"),
    [
        ("float64", "2", ("batch", "height", "width")),
        ("non_square", "stem", ("batch", "height", "width")),
        ("residual", "0.conv1", ("batch", "height", "width")),
        ("series", "2", ("batch", "time")),
        ("volume", "2", ("batch", "depth", "height", "width")),
    ],
)
def test_the_formula(network: str, layer: str, axes: tuple[str, ...]) -> None:
    zoo = NETWORKS[network]
    model, x, target = zoo.build(), zoo.x(2), [1, 3]
    expected, weights = by_hand(model, layer, x, target)
    result = pl.score_cam(layer=layer, relu=False, channels=None)(model, x, target=target)
    np.testing.assert_allclose(result.facts["weights"], weights, rtol=1e-5)
    np.testing.assert_allclose(result.values, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(np.sum(result.facts["weights"], 1), 1.0, rtol=1e-12)
    assert result.axes == axes and result.signed
    cut = pl.score_cam(layer=layer, channels=None)(model, x, target=target)
    np.testing.assert_array_equal(cut.values, np.maximum(result.values, 0))


def test_tokens_and_channels_behind_are_masks_on_their_grid() -> None:
    for name, layer in (("tiny_vit", "norm1"), ("channels_behind", "norm")):
        network = NETWORKS[name]
        model, x = network.build(), network.x(1)
        kept: list[Tensor] = []
        handle = model.get_submodule(layer).register_forward_hook(lambda _m, _a, out, to=kept: to.append(out))
        with torch.no_grad():
            model(x)
            handle.remove()
            cells = (
                kept[0][:, 1:].transpose(1, 2).unflatten(2, (4, 4)) if name == "tiny_vit" else kept[0].movedim(-1, 1)
            )
            masks = F.interpolate(cells[0][:, None], x.shape[2:], mode="bilinear", align_corners=False)
            low, high = masks.amin((2, 3), keepdim=True), masks.amax((2, 3), keepdim=True)
            weights = model(x * ((masks - low) / (high - low)))[:, 2].softmax(0)
        result = pl.score_cam(layer=layer, channels=None)(model, x, target=2)
        np.testing.assert_allclose(result.facts["weights"][0], weights.numpy(), rtol=1e-4)


class StepsFirst(nn.Module):
    """Takes `(batch, step, feature)` and turns it for its convolution; steps and features could be mistaken."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv1d(7, 4, 3), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv(x.transpose(1, 2)).relu().mean(2))


def test_an_input_with_its_channels_last_is_masked_along_its_steps() -> None:
    model, x = seeded(StepsFirst)(), torch.randn(1, 9, 7, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        cells = model.conv(x.transpose(1, 2))[0]
        masks = F.interpolate(cells[:, None], 9, mode="linear", align_corners=False)[:, 0]
        masks = (masks - masks.amin(1, keepdim=True)) / (masks.amax(1, keepdim=True) - masks.amin(1, keepdim=True))
        weights = model(x * masks[..., None])[:, 1].softmax(0)
    result = pl.score_cam(layer="conv")(model, x, target=1)
    np.testing.assert_allclose(result.facts["weights"][0], weights.numpy(), rtol=1e-5)


def test_a_constant_channel_is_left_out() -> None:
    model = seeded(lambda: nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(5 * 36, 3)))()
    with torch.no_grad():
        model[0].weight[2] = 0
    result = pl.score_cam(layer="0")(model, torch.randn(1, 3, 8, 8), target=1)
    assert result.facts["weights"][0][2] == 0.0 and np.isfinite(result.values).all()
    assert sum(result.facts["weights"][0]) == pytest.approx(1.0)


def test_one_channel_is_its_own_map() -> None:
    model = seeded(lambda: nn.Sequential(nn.Conv2d(3, 1, 3), nn.Tanh(), nn.Flatten(), nn.Linear(36, 3)))()
    x = torch.randn(1, 3, 8, 8)
    result = pl.score_cam(layer="0")(model, x, target=1)
    np.testing.assert_allclose(result.values, model[0](x)[:, 0].relu().detach().numpy(), rtol=1e-6)


def test_the_channel_that_the_score_depends_on_weighs_most() -> None:
    detector = known.template_detector(row=19, column=0)
    result = pl.score_cam(layer="1")(detector.model, detector.x, target=0)
    assert "lower left" in result.describe("en") and "左下" in result.describe("zh")


class Corners(nn.Module):
    """Each channel passes one corner of the picture; class `k` reads the corner of channel `k` alone."""

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(x * self.windows).sum((2, 3)) * 10

    def __init__(self) -> None:
        super().__init__()
        windows = torch.zeros(1, 4, 8, 8)
        for k, (row, column) in enumerate([(0, 0), (0, 4), (4, 0), (4, 4)]):
            windows[0, k, row : row + 4, column : column + 4] = 1
        self.register_buffer("windows", windows)
        self.pool = nn.AvgPool2d(2)


def test_a_score_that_sees_one_channel_only_gives_it_the_largest_weight() -> None:
    for k in range(4):
        result = pl.score_cam(layer="pool")(Corners(), torch.ones(1, 1, 8, 8), target=k)
        assert int(np.argmax(result.facts["weights"][0])) == k
        row, column = divmod(k, 2)
        at = np.unravel_index(result.values[0].argmax(), (4, 4))
        assert (at[0] // 2, at[1] // 2) == (row, column)
        assert any("one channel carries more than half" in note.en for note in result.notes)


def test_channels_that_vary_most_are_looked_through_and_the_reader_is_told() -> None:
    network = NETWORKS["residual"]
    model, x = network.build(), network.x(1)
    cells = model[0].conv1(x)[0].flatten(1)
    result = pl.score_cam(layer="0.conv1", channels=3)(model, x, target=1)
    used = set(np.flatnonzero(result.facts["weights"][0]))
    assert used == set(cells.var(1).topk(3).indices.tolist())
    assert "the 3 channels that vary most, of 8" in result.notes[0].en and "3 个" in result.notes[0].zh
    assert not pl.score_cam(layer="0.conv1")(model, x, target=1).notes


@pytest.mark.parametrize("batch_size", [None, 1, 3])
def test_passes_and_rows(batch_size: int | None) -> None:
    network = NETWORKS["residual"]
    lens = pl.Lens(network.build())
    cost = lens.see(network.x(2), pl.score_cam(layer="0.conv1", batch_size=batch_size), target=1).cost
    rows = min(batch_size or 8, 8)
    assert cost.forwards == 1 + 2 * -(-8 // rows) and cost.samples == 2 + 2 * 8 and cost.backwards == 0


def test_a_batch_is_its_members() -> None:
    network = NETWORKS["residual"]
    both = pl.score_cam(layer="1")(network.build(), network.x(2), target=[2, 0]).values
    for i, label in enumerate([2, 0]):
        alone = pl.score_cam(layer="1")(network.build(), network.x(2)[i : i + 1], target=label).values
        np.testing.assert_allclose(both[i : i + 1], alone, rtol=1e-5)


def test_tokens_cannot_be_masked() -> None:
    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.conv, self.fc = nn.Embedding(9, 6), nn.Conv1d(6, 5, 3), nn.Linear(5, 3)

        def forward(self, ids: Tensor) -> Tensor:
            return self.fc(self.conv(self.words(ids).transpose(1, 2)).relu().mean(2))

    with pytest.raises(pl.NotApplicable, match="no input lies on the grid"):
        pl.score_cam(layer="conv")(Words(), torch.arange(7)[None], target=1)


def stretched(maps: np.ndarray) -> np.ndarray:
    """Each map brought to 0..1 as the peer does it."""
    maps = maps - maps.min((1, 2), keepdims=True)
    return maps / (1e-7 + maps.max((1, 2), keepdims=True))


class HalfPixel(nn.Upsample):
    """What the peer would enlarge masks with, were it to enlarge them as it does its pictures."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__(size, mode="bilinear", align_corners=False)


@pytest.mark.parametrize(
    ("name", "layer"), [("resnet18", "layer1"), ("resnet18", "layer2.0.conv1"), ("vgg11_bn", "features.4")]
)
def test_pytorch_grad_cam(name: str, layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The peer enlarges masks from corner to corner and pictures by half pixels; here both are by half pixels."""
    monkeypatch.setattr(torch.nn, "UpsamplingBilinear2d", HalfPixel)
    model = seeded(lambda: getattr(models, name)(weights=None, num_classes=10))()
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    twin = copy.deepcopy(model)
    with ScoreCAM(twin, [twin.get_submodule(layer)]) as cam:
        cam.batch_size = 64
        expected = cam(x.clone(), [ClassifierOutputTarget(7)])
    result = pl.score_cam(layer=layer, channels=None)(model, x, target=7)
    drawn = F.interpolate(torch.tensor(stretched(result.values))[:, None], (64, 64), mode="bilinear")
    assert expected.max() > 0.99
    assert np.abs(stretched(drawn[:, 0].numpy()) - expected).max() <= 1e-4
