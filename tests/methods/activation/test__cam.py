"""What class activation maps share: passes, layouts, units, and what an empty map says."""

import numpy as np
import pytest
import timm
import torch
from torch import nn
from torchvision.models import resnet18, swin_t, swin_v2_t, video

import pellucid as pl
from pellucid.core.text import say
from tests.methods.activation.cams import CASES, TARGET, layer_of, on_every_layout
from tests.networks import NETWORKS, known, seeded, vision

GRADIENT = ("grad_cam", "grad_cam_plus_plus", "hires_cam", "layer_cam", "xgrad_cam", "eigen_grad_cam")
FIVE = GRADIENT[:5]
ALL = (*GRADIENT, "eigen_cam")
FOUR = ("layer1", "layer2", "layer3", "layer4")


def views(names: tuple[str, ...], **settings: object) -> list[pl.View]:
    return [getattr(pl, name)(**settings) for name in names]


def test_five_maps_at_four_layers_cost_one_forward_and_one_backward() -> None:
    model = seeded(lambda: resnet18(num_classes=10))()
    seen = pl.Lens(model).see(torch.randn(2, 3, 64, 64), *views(FIVE, layer=FOUR), target=[7, 2])
    assert (seen.cost.forwards, seen.cost.backwards, seen.cost.samples) == (1, 1, 2)
    assert [tuple(one.layer for one in results) for results in seen] == [FOUR] * 5
    for results, view in zip(seen, views(FIVE, layer="layer3"), strict=True):
        torch.manual_seed(0)
        assert np.array_equal(results[2].values, view(model, torch.randn(2, 3, 64, 64), target=[7, 2]).values)


def test_without_a_target_there_is_no_backward() -> None:
    network = NETWORKS["residual"]
    seen = pl.Lens(network.build()).see(network.x(2), pl.eigen_cam())
    assert (seen.cost.forwards, seen.cost.backwards) == (1, 0) and seen[0].targets == ()


@on_every_layout
@pytest.mark.parametrize("method", ALL)
def test_axes_units_and_the_relu(name: str, method: str) -> None:
    network = NETWORKS[name]
    clipped, signed = (
        getattr(pl, method)(layer=layer_of(name), relu=relu)(network.build(), network.x(2), target=TARGET)
        for relu in (True, False)
    )
    assert clipped.axes == CASES[name][1] and signed.signed and not clipped.signed
    assert np.array_equal(clipped.values, np.maximum(signed.values, 0)) and clipped.values.any()
    said = {"grad_cam": "logit per cell", "eigen_cam": "activation"}
    assert say(clipped.unit, "en") == said.get(method, "logit")


@pytest.mark.parametrize("method", ALL)
def test_one_map_for_each_place(method: str) -> None:
    view = getattr(pl, method)
    twice, article = NETWORKS["called_twice"], NETWORKS["article_net"]
    assert [one.layer for one in view(layer="block")(twice.build(), twice.x(1))] == ["block#0", "block#1"]
    several = view(layer=("conv1", "fc1", "/relu.1"))(article.build(), article.x(1))
    assert [one.layer for one in several] == ["conv1", "/relu.1"]
    with pytest.raises(pl.NotApplicable, match="grid"):
        view(layer="fc1")(article.build(), article.x(1))


@pytest.mark.parametrize("method", GRADIENT)
def test_a_layer_that_no_gradient_reaches(method: str) -> None:
    """The head reads the class token alone, so nothing reaches the cells of the last norm."""
    network = NETWORKS["tiny_vit"]
    result = getattr(pl, method)(layer="norm2")(network.build(), network.x(2), target=1)
    assert not result.values.any() and result.facts["without gradient"] == 2
    assert "In 2 of 2 examples no gradient reaches" in result.notes[0].en and "梯度没有到达" in result.notes[0].zh
    assert len(result.notes) == 1


@pytest.mark.parametrize("method", ["hires_cam", "xgrad_cam"])
def test_a_map_that_only_speaks_against(method: str) -> None:
    detector = known.template_detector()
    result = getattr(pl, method)(layer="1")(detector.model, detector.x, target=1)
    assert "no cell speaks for the target" in result.notes[0].en and "relu=False" in result.notes[0].zh


@pytest.mark.parametrize("method", ["grad_cam_plus_plus", "layer_cam"])
def test_methods_that_drop_negative_gradients_do_not_promise_a_signed_map(method: str) -> None:
    detector = known.template_detector()
    for relu in (True, False):
        result = getattr(pl, method)(layer="1", relu=relu)(detector.model, detector.x, target=1)
        assert not result.values.any() and result.facts["zero before the ReLU"] == 1
        assert "with and without the ReLU" in result.notes[0].en and len(result.notes) == 1


@pytest.mark.parametrize("method", ALL)
def test_half_precision_is_added_up_in_single(method: str) -> None:
    network = NETWORKS["bfloat16"]
    result = getattr(pl, method)()(network.build(), network.x(2), target=TARGET)
    assert result.values.dtype == np.float32 and np.isfinite(result.values).all() and result.values.any()


NETS = {
    "timm ViT": (lambda: timm.create_model("vit_tiny_patch16_224", img_size=64, depth=2), (3, 64, 64), (4, 4)),
    "timm ViT with registers": (
        lambda: timm.create_model("vit_small_patch14_reg4_dinov2", img_size=(56, 84), depth=2, num_classes=5),
        (3, 56, 84),
        (4, 6),
    ),
    "torchvision Swin": (swin_t, (3, 64, 96), (2, 3)),
    "torchvision Swin v2": (swin_v2_t, (3, 64, 96), (2, 3)),
    "timm Swin": (
        lambda: timm.create_model("swin_tiny_patch4_window7_224", img_size=(64, 96), window_size=2),
        (3, 64, 96),
        (2, 3),
    ),
    "timm ConvNeXt": (lambda: timm.create_model("convnext_atto"), (3, 64, 96), (2, 3)),
    "timm EfficientNet": (lambda: timm.create_model("tf_efficientnet_lite0"), (3, 64, 96), (2, 3)),
    "U-Net": (vision.UNet, (3, 32, 48), (8, 12)),
    "torchvision R3D": (video.r3d_18, (3, 4, 32, 48), (1, 2, 3)),
    "series": (NETWORKS["series"].build, (2, 20), (14,)),
    "volume": (NETWORKS["volume"].build, (1, 7, 8, 9), (3, 4, 5)),
}


@pytest.mark.parametrize("name", NETS)
def test_without_arguments(name: str) -> None:
    """Every map of the family, of the right shape and not empty, on networks of every kind."""
    build, shape, grid = NETS[name]
    model: nn.Module = seeded(build)()
    seen = pl.Lens(model).see(torch.randn(2, *shape, generator=torch.Generator().manual_seed(5)), *views(ALL))
    assert not seen.failures and (seen.cost.forwards, seen.cost.backwards) == (1, 1)
    for result in seen:
        assert result.values.shape == (2, *grid) and result.heat.shape == (2, *shape[1:])
        assert np.isfinite(result.values).all() and result.facts.get("without gradient", 0) == 0
    assert seen["grad_cam"].with_(signed=True).values.any() or "relu=False" in seen["grad_cam"].notes[0].en
    assert pl.hires_cam(relu=False)(model, torch.randn(1, *shape)).values.any()
