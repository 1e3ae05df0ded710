"""Grad-CAM against pytorch-grad-cam 1.5.7 after the peer's own min-max and resizing, and against the formula."""

import copy

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import resnet18

import pellucid as pl
from tests.networks import seeded, vision
from tests.oracle import naive

# Maps lie between 0 and 1. From a float64 model only the last step of the peer, in float32, is left to differ. In
# float32 the channels of random weights cancel in the weighted sum, which costs both sides about ten times as much.
TOLERANCES = {torch.float64: 4e-7, torch.float32: 4e-6}


@pytest.fixture(scope="module")
def resnet() -> nn.Module:
    """ResNet-18 of random weights."""
    return seeded(lambda: resnet18(num_classes=10))()


def pictures(height: int, width: int) -> Tensor:
    """Two random pictures."""
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(3))


def stretched(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each map brought to 0..1 as the peer does it."""
    maps = maps - maps.min((1, 2), keepdims=True)
    return maps / (1e-7 + maps.max((1, 2), keepdims=True))


def peer(model: nn.Module, layer: str, x: Tensor, target: list[int]) -> NDArray[np.float32]:
    """The peer's picture; it sets modes and fills `.grad`, so it gets a copy."""
    twin = copy.deepcopy(model)
    with GradCAM(twin, [twin.get_submodule(layer)]) as cam:
        return cam(x.clone(), [ClassifierOutputTarget(index) for index in target])


@pytest.mark.parametrize("layer", ["layer2", "layer3.1.conv2", "layer4"])
@pytest.mark.parametrize("shape", [(96, 96), (160, 96)], ids=["square", "non-square"])
@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
def test_resnet18(resnet: nn.Module, layer: str, shape: tuple[int, int], dtype: torch.dtype) -> None:
    model, x, target = copy.deepcopy(resnet).to(dtype), pictures(*shape).to(dtype), [7, 2]
    result = pl.grad_cam(layer=layer)(model, x, target=target)
    expected = peer(model, layer, x, target)
    small = torch.from_numpy(stretched(result.values))[:, None]
    drawn = F.interpolate(small, shape, mode="bilinear", align_corners=False)[:, 0].numpy()
    assert expected.max() > 0.99
    assert np.abs(stretched(drawn) - expected).max() <= TOLERANCES[dtype]


@pytest.mark.parametrize("shape", [(96, 96), (160, 96)], ids=["square", "non-square"])
def test_heat_is_the_map_resized_and_nothing_else(resnet: nn.Module, shape: tuple[int, int]) -> None:
    result = pl.grad_cam(layer="layer4")(resnet, pictures(*shape), target=[7, 2])
    resized = F.interpolate(torch.tensor(result.values)[:, None], shape, mode="bilinear", align_corners=False)[:, 0]
    np.testing.assert_allclose(result.heat, resized.numpy(), rtol=1e-5, atol=1e-6 * result.values.max())


@pytest.mark.parametrize("relu", [True, False])
def test_formula(resnet: nn.Module, relu: bool) -> None:
    x, target = pictures(64, 64), [7, 2]
    expected = naive.grad_cam(resnet, resnet.layer3[1].conv2, x, target, relu=relu).numpy()
    values = pl.grad_cam(layer="layer3.1.conv2", relu=relu)(resnet, x, target=target).values
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())


def test_functional_network_equals_its_twin_of_modules() -> None:
    net, twin = seeded(vision.ArticleNet)(), seeded(vision.ArticleTwin)()
    twin.load_state_dict(net.state_dict())
    x, target = pictures(32, 32), [3, 8]
    places = {"/relu.0": twin.relu1, "/relu.1": twin.relu2, "pool#0": twin.pool1, "pool#1": twin.pool2}
    for place, layer in places.items():
        expected = naive.grad_cam(twin, layer, x, target).numpy()
        values = pl.grad_cam(layer=place)(net, x, target=target).values
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())
