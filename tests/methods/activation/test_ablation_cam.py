"""Ablation-CAM: every drop equals taking the channel away by hand; identities; the peer after its own scaling."""

import copy

import numpy as np
import pytest
import torch
from pytorch_grad_cam import AblationCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn
from torchvision import models

import pellucid as pl
from tests.networks import NETWORKS, known, seeded


def by_hand(model: nn.Module, layer: str, x: Tensor, target: list[int], take: object) -> tuple[np.ndarray, np.ndarray]:
    """One forward per example and channel; activations `(batch, channel, *grid)` and drops."""
    module, kept, drops = model.get_submodule(layer), [], []
    with torch.no_grad():
        handle = module.register_forward_hook(lambda _m, _a, out: kept.append(out.clone()))
        full = model(x)
        handle.remove()
        for i, label in enumerate(target):
            each = []
            for channel in range(kept[0].shape[1]):

                def without(_m, _a, out, channel=channel):
                    out = out.clone()
                    out[:, channel] = take(out[0, channel])
                    return out

                handle = module.register_forward_hook(without)
                each.append(float(full[i, label] - model(x[i : i + 1])[0, label]))
                handle.remove()
            drops.append(each)
    return kept[0].double().numpy(), np.array(drops)


VALUES = {0.0: lambda a: 0.0, 0.7: lambda a: 0.7, "mean": lambda a: a.mean(), "min": lambda a: a.min()}


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize(("network", "layer"), [("float64", "2"), ("residual", "0.conv1"), ("volume", "2")])
def test_the_formula(network: str, layer: str, value: object) -> None:
    zoo = NETWORKS[network]
    model, x, target = zoo.build(), zoo.x(2), [1, 3]
    cells, drops = by_hand(model, layer, x, target, VALUES[value])
    with torch.no_grad():
        scores = model(x)[[0, 1], target].double().numpy()
    result = pl.ablation_cam(layer=layer, value=value, relu=False)(model, x, target=target)
    np.testing.assert_allclose(result.facts["drops"], drops, rtol=1e-4, atol=2e-6)
    np.testing.assert_allclose(result.facts["score"], scores, rtol=1e-5)
    expected = np.einsum("bc,bc...->b...", drops / np.abs(scores)[:, None], cells)
    np.testing.assert_allclose(result.values, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    cut = pl.ablation_cam(layer=layer, value=value)(model, x, target=target)
    np.testing.assert_array_equal(cut.values, np.maximum(result.values, 0))


def test_channels_behind_and_tokens() -> None:
    for name, layer, channel in (("channels_behind", "mix", np.s_[..., 3]), ("tiny_vit", "norm1", np.s_[:, 1:, 3])):
        network = NETWORKS[name]
        model, x = network.build(), network.x(1)
        found = pl.ablation_cam(layer=layer)(model, x, target=2).facts["drops"][0][3]

        def without(_m, _a, out, channel=channel):
            out = out.clone()
            out[channel] = 0
            return out

        with torch.no_grad():
            before = model(x)[0, 2]
            model.get_submodule(layer).register_forward_hook(without)
            np.testing.assert_allclose(found, float(before - model(x)[0, 2]), rtol=1e-3, atol=1e-6)


class Pooled(nn.Module):
    """Global average and a linear layer behind the last convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 7, 3), nn.Linear(7, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.conv(x).relu().mean((2, 3)))


def test_before_a_pooled_linear_layer_the_drop_is_weight_times_mean() -> None:
    model = seeded(Pooled)().double()
    x = torch.randn(2, 3, 9, 9, dtype=torch.float64)
    result = pl.ablation_cam(layer="/relu.0")(model, x, target=2)
    means = model.conv(x).relu().mean((2, 3))
    np.testing.assert_allclose(
        result.facts["drops"], (model.fc.weight[2] * means).detach().numpy(), rtol=1e-9, atol=1e-15
    )
    total = np.sum(result.facts["drops"], 1)
    np.testing.assert_allclose(total, np.array(result.facts["score"]) - model.fc.bias[2].item(), rtol=1e-9)


def test_a_dead_channel_falls_by_nothing_and_is_not_run() -> None:
    model = seeded(Pooled)()
    with torch.no_grad():
        model.conv.bias[[1, 4]] = -100.0
    views = pl.Lens(model).see(torch.randn(1, 3, 9, 9), pl.ablation_cam(layer="/relu.0"), target=2)
    assert views[0].facts["drops"][0][1] == views[0].facts["drops"][0][4] == 0.0
    assert views.cost.forwards == 3 and views.cost.samples == 1 + (5 + 1) + 2


def test_only_the_most_promising_channels_are_run_and_the_others_estimated() -> None:
    """Where no ReLU follows, the estimate is the drop itself, so nothing is lost."""
    model, x = seeded(Pooled)().double(), torch.randn(2, 3, 9, 9, dtype=torch.float64)
    whole = pl.ablation_cam(layer="/relu.0")(model, x, target=2)
    some = pl.ablation_cam(layer="/relu.0", channels=3)(model, x, target=2)
    np.testing.assert_allclose(some.values, whole.values, rtol=1e-9)
    assert "3 of 7 channels" in some.notes[0].en and "3 个" in some.notes[0].zh
    views = pl.Lens(model).see(x, pl.ablation_cam(layer="/relu.0", channels=3), target=2)
    assert (views.cost.forwards, views.cost.backwards, views.cost.samples) == (4, 1, 2 + 4 + 2 + 4)


def test_the_largest_first_order_drops_are_run() -> None:
    network = NETWORKS["residual"]
    model, x = network.build(), network.x(1)
    exact = np.array(pl.ablation_cam(layer="0.conv1")(model, x, target=1).facts["drops"][0])
    some = np.array(pl.ablation_cam(layer="0.conv1", channels=4)(model, x, target=1).facts["drops"][0])
    activation = model[0].conv1(x)
    leaf = activation.detach().requires_grad_()
    twin = copy.deepcopy(model)
    twin[0].conv1.register_forward_hook(lambda _m, _a, _o: leaf.clone())
    (gradient,) = torch.autograd.grad(twin(x)[0, 1], leaf)
    first = (gradient * leaf).sum((0, 2, 3)).detach().numpy()
    largest = np.argsort(-np.abs(first))[:4]
    np.testing.assert_allclose(some[largest], exact[largest], rtol=1e-4, atol=1e-6)
    rest = np.setdiff1d(np.arange(len(first)), largest)
    np.testing.assert_allclose(some[rest], first[rest], rtol=1e-4, atol=1e-6)


def test_a_negative_score_keeps_its_signs() -> None:
    detector = known.template_detector()
    positive = pl.ablation_cam(layer="1", relu=False)(detector.model, detector.x, target=0)
    negative = pl.ablation_cam(layer="1", relu=False)(detector.model, detector.x, target=1)
    assert positive.values.max() > 0 >= negative.values.max() and negative.facts["score"][0] < 0
    assert any("score is negative" in note.en and "得分为负" in note.zh for note in negative.notes)
    assert not any("negative" in note.en for note in positive.notes)
    empty = pl.ablation_cam(layer="1")(detector.model, detector.x, target=1)
    assert any("no cell speaks for" in note.en for note in empty.notes)


def test_it_finds_the_template() -> None:
    detector = known.template_detector(row=19, column=0)
    result = pl.ablation_cam(layer="1")(detector.model, detector.x, target=0)
    assert "lower left" in result.describe("en") and "左下" in result.describe("zh")


@pytest.mark.parametrize("batch_size", [None, 1, 5])
def test_passes_and_rows(batch_size: int | None) -> None:
    network = NETWORKS["residual"]
    lens, x = pl.Lens(network.build()), network.x(2)
    lens.see(x, pl.ablation_cam(layer="0.conv1", batch_size=batch_size), target=1)
    cost = lens.see(x, pl.ablation_cam(layer="0.conv1", batch_size=batch_size), target=1).cost
    rows = min(batch_size or 8, 8)
    passes = -(-8 // rows)
    assert cost.forwards == 1 + 2 * passes and cost.samples == 2 + 2 * (8 + passes) and cost.backwards == 0


def test_no_gradient_is_needed() -> None:
    network = NETWORKS["no_gradient"]
    assert pl.ablation_cam()(network.build(), network.x(1)).values.any()
    with pytest.raises(pl.NotApplicable, match="gradient"):
        pl.ablation_cam(channels=2)(network.build(), network.x(1))


def test_what_cannot_be_replaced_is_refused() -> None:
    for name in ("writes_through_view", "always_drops"):
        network = NETWORKS[name]
        with pytest.raises(pl.NotApplicable, match="cannot be replaced"):
            pl.ablation_cam()(network.build(), network.x(1), target=1)


PLACES = [
    ("resnet18", "layer2", 64),
    ("resnet18", "layer3.0.downsample", 64),
    ("vgg11_bn", "features.14", 32),
    ("densenet121", "features.denseblock3.denselayer2.conv2", 64),
    ("inception_v3", "Mixed_6b.branch7x7dbl_2", 128),
    ("convnext_tiny", "features.3", 64),
    ("swin_t", "features.3", 64),
    ("vit_b_16", "encoder.layers.encoder_layer_9.ln_1", 32),
]


@pytest.mark.parametrize(("name", "layer", "side"), PLACES)
def test_what_lies_before_the_layer_is_shared_by_networks_of_every_kind(name: str, layer: str, side: int) -> None:
    """Three channels of each: equal to the whole network on as many rows, and shared."""
    settings = {"inception_v3": {"init_weights": False}, "vit_b_16": {"image_size": side}}.get(name, {})
    model = seeded(lambda: getattr(models, name)(weights=None, num_classes=9, **settings))()
    for part in model.modules():
        if isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, 0, 0.05)
    x = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(5))
    view = pl.ablation_cam(layer=layer, channels=3, relu=False)
    lens = pl.Lens(model)
    lens.see(x, view, target=3)
    views = lens.see(x, view, target=3)
    assert (views.cost.forwards, views.cost.samples) == (2, 1 + 4)
    whole = pl.Lens(model)
    whole.see(x, pl.saliency(), target=3)
    looker = whole._looker
    looker.sharing = dict.fromkeys(lens._looker.sharing, False)
    expected = whole.see(x, view, target=3)[0]
    assert all(lens._looker.sharing.values()) and not any(looker.sharing.values())
    scale = abs(views[0].facts["score"][0])
    np.testing.assert_allclose(views[0].facts["drops"], expected.facts["drops"], rtol=0, atol=1e-5 * max(scale, 1e-2))


def stretched(maps: np.ndarray) -> np.ndarray:
    """Each map brought to 0..1 as the peer does it."""
    maps = maps - maps.min((1, 2), keepdims=True)
    return maps / (1e-7 + maps.max((1, 2), keepdims=True))


@pytest.mark.parametrize(
    ("name", "layer"), [("resnet18", "layer4"), ("resnet18", "layer2"), ("vgg11_bn", "features.13")]
)
def test_pytorch_grad_cam(name: str, layer: str) -> None:
    """Only behind a ReLU and for positive scores: elsewhere the peer does not set zeros, or turns the signs."""
    model = seeded(lambda: getattr(models, name)(weights=None, num_classes=10))()
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        target = int(model(x)[0].argmax())
        assert model(x)[0, target] > 0
    twin = copy.deepcopy(model)
    with AblationCAM(twin, [twin.get_submodule(layer)], batch_size=64) as cam:
        expected = cam(x.clone(), [ClassifierOutputTarget(target)])
    result = pl.ablation_cam(layer=layer)(model, x, target=target)
    drawn = nn.functional.interpolate(torch.tensor(stretched(result.values))[:, None], (64, 64), mode="bilinear")
    assert expected.max() > 0.99
    assert np.abs(stretched(drawn[:, 0].numpy()) - expected).max() <= 1e-3
