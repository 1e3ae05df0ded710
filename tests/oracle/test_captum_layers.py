"""Attributions to inner layers against Captum 0.9, on ResNet-18 and VGG-11-BN of random weights in float64."""

import numpy as np
import pytest
import torch
from captum import attr
from torch import Tensor, nn
from torchvision.models import resnet18
from torchvision.models.vgg import cfgs, make_layers

import pellucid as pl
from tests.networks import seeded

PICTURES = torch.randn(2, 3, 64, 48, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
TARGET = [7, 2]
PLACES = {"resnet18": ("conv1", "layer2.0", "layer4.1", "fc"), "vgg11_bn": ("0.4", "0.22", "3")}


def vgg11_bn() -> nn.Module:
    """The convolutions of torchvision's VGG-11-BN under one linear layer, instead of three of 120 million weights."""
    return nn.Sequential(
        make_layers(cfgs["A"], batch_norm=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10)
    )


def twins(name: str) -> tuple[nn.Module, nn.Module]:
    """The network, and the same one with activations out of place, as Captum's hooks need it."""
    make = {"resnet18": lambda: resnet18(num_classes=10), "vgg11_bn": vgg11_bn}[name]
    ours, theirs = (seeded(make)().double() for _ in range(2))
    for module in theirs.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return ours, theirs


def agrees(values: np.ndarray, expected: Tensor, tolerance: float) -> None:
    """The largest difference, as a share of the largest value."""
    peer = expected.detach().numpy()
    assert values.shape == peer.shape and np.abs(values - peer).max() <= tolerance * np.abs(peer).max()


@pytest.mark.parametrize("name", PLACES)
def test_input_x_gradient_at_layers(name: str) -> None:
    ours, theirs = twins(name)
    results = pl.input_x_gradient(layer=PLACES[name])(ours, PICTURES, target=TARGET)
    for place, result in zip(PLACES[name], results, strict=True):
        peer = attr.LayerGradientXActivation(theirs, theirs.get_submodule(place))
        agrees(result.values, peer.attribute(PICTURES, target=TARGET), 1e-12)


@pytest.mark.parametrize("name", PLACES)
def test_integrated_gradients_at_a_layer(name: str) -> None:
    """Captum keeps its step weights in float32: it is off by 1e-8 or so."""
    ours, theirs = twins(name)
    place = PLACES[name][1]
    result = pl.integrated_gradients(layer=place, n_steps=12, baselines=0.2)(ours, PICTURES, target=TARGET)
    peer = attr.LayerIntegratedGradients(theirs, theirs.get_submodule(place))
    baseline = torch.full_like(PICTURES, 0.2)
    agrees(result.values, peer.attribute(PICTURES, baseline, target=TARGET, n_steps=12), 1e-7)
