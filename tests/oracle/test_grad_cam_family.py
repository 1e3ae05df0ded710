"""Six maps against pytorch-grad-cam 1.5.7, after its own min-max and resizing, on two networks.

Known differences, which are not tolerances:

- GradCAMPlusPlus adds 1e-6 to the denominator `2g² + g³ΣA`, which outweighs it where gradients are below 1e-3: its
  picture changes when the score is measured in another unit. It is compared at `stabilizer=1e-6`; the paper's formula,
  which is the default here, is compared with the peer in units in which the gradients are large.
- EigenCAM and EigenGradCAM leave the sign to the linear algebra library: of the signed map, the end that the peer
  happened to draw is compared.
- XGradCAM adds 1e-7 to ΣA: up to 7e-6 where the activations nearly cancel.
"""

import copy

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pytorch_grad_cam import EigenCAM, EigenGradCAM, GradCAMPlusPlus, HiResCAM, LayerCAM, XGradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import resnet18, vgg11_bn

import pellucid as pl
from tests.networks import seeded

# Maps lie between 0 and 1; the models are float64, the last steps of the peer float32.
TOLERANCE, TOLERANCES = 2e-6, {"xgrad_cam": 1e-5}
TARGET = [7, 2]
PEERS = {
    "grad_cam_plus_plus": (GradCAMPlusPlus, {"stabilizer": 1e-6}),
    "hires_cam": (HiResCAM, {}),
    "layer_cam": (LayerCAM, {}),
    "xgrad_cam": (XGradCAM, {}),
    "eigen_cam": (EigenCAM, {}),
    "eigen_grad_cam": (EigenGradCAM, {}),
}
LAYERS = {"resnet18": ("layer2", "layer3.1.conv2", "layer4"), "vgg11_bn": ("features.9", "features.19", "features.28")}
_BUILT = {
    "resnet18": seeded(lambda: resnet18(num_classes=10).double()),
    "vgg11_bn": seeded(lambda: _flexible(vgg11_bn(num_classes=10)).double()),
}
SHAPES = pytest.mark.parametrize("shape", [(64, 64), (96, 64)], ids=["square", "non-square"])


def _flexible(model: nn.Module) -> nn.Module:
    """With a short head: the long one is 120 million weights."""
    model.avgpool, model.classifier = nn.AdaptiveAvgPool2d(2), nn.Sequential(nn.Linear(2048, 10))
    return model


@pytest.fixture(scope="module", params=_BUILT)
def network(request: pytest.FixtureRequest) -> tuple[str, nn.Module]:
    """Random weights in float64; nothing in it writes in place, which the peer's hooks could not bear."""
    model = _BUILT[request.param]()
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return request.param, model


def pictures(height: int, width: int) -> Tensor:
    return torch.randn(2, 3, height, width, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def stretched(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each map brought to 0..1 as the peer does it."""
    maps = maps - maps.min((1, 2), keepdims=True)
    return maps / (1e-7 + maps.max((1, 2), keepdims=True))


def drawn(values: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """As the peer draws it."""
    small = torch.from_numpy(stretched(np.maximum(values, 0))).float()[:, None]
    return stretched(F.interpolate(small, shape, mode="bilinear", align_corners=False)[:, 0].numpy())


def peer(method: type, model: nn.Module, layer: str, x: Tensor) -> NDArray[np.float32]:
    """The peer's picture; it sets modes and fills `.grad`, so it gets a copy."""
    twin = copy.deepcopy(model)
    with method(twin, [twin.get_submodule(layer)]) as cam:
        return cam(x.clone(), [ClassifierOutputTarget(index) for index in TARGET])


@SHAPES
@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("depth", range(3))
def test_against_the_peer(network: tuple[str, nn.Module], name: str, depth: int, shape: tuple[int, int]) -> None:
    which, model = network
    layer, x = LAYERS[which][depth], pictures(*shape)
    method, settings = PEERS[name]
    values = getattr(pl, name)(layer=layer, relu=False, **settings)(model, x, target=TARGET).values
    assert values.dtype == np.float64
    expected = peer(method, model, layer, x)
    assert (expected.max((1, 2)) > 0.99).any()
    ends = (values, -values) if name.startswith("eigen") else (values,)
    each = np.stack([np.abs(drawn(one, shape) - expected).max((1, 2)) for one in ends])
    assert (each.min(0) <= TOLERANCES.get(name, TOLERANCE)).all(), each


def test_the_formula_of_the_paper_in_units_in_which_the_peer_s_stabilizer_is_small() -> None:
    """A score in millionths of a logit: the picture of the paper changes with the unit, the peer's converges to it."""
    model, x = _BUILT["resnet18"](), pictures(64, 64)
    with torch.no_grad():
        model.fc.weight *= 1e6
    values = pl.grad_cam_plus_plus(layer="layer4")(model, x, target=TARGET).values
    assert np.abs(drawn(values, (64, 64)) - peer(GradCAMPlusPlus, model, "layer4", x)).max() < 1e-5
    with torch.no_grad():
        model.fc.weight *= 1e-9
    values = pl.grad_cam_plus_plus(layer="layer4")(model, x, target=TARGET).values
    assert np.abs(drawn(values, (64, 64)) - peer(GradCAMPlusPlus, model, "layer4", x)).max() > 0.05
