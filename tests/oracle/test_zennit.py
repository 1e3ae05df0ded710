"""LRP composites as in zennit 0.5.1, which needs a canonizer for each architecture.

Known differences: its canonizers leave the normalisations' epsilon in place after folding them, so that every folded
layer is divided by sqrt(1 + epsilon), 5e-5 on ResNet-18; and it moves the sums of residual branches and of average
pooling away from zero as well, up to 3e-4 where a sum is tiny. With an epsilon of 1e-12 for both it is the same.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.models import VGG, resnet18, vgg11_bn
from zennit.attribution import Gradient
from zennit.composites import (
    EpsilonAlpha2Beta1,
    EpsilonAlpha2Beta1Flat,
    EpsilonGammaBox,
    EpsilonPlus,
    EpsilonPlusFlat,
)
from zennit.torchvision import ResNetCanonizer, VGGCanonizer

import pellucid as pl
from tests.engine.test_constants import shifted
from tests.networks import seeded

X = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)).double()
TARGET = [3, 7]
NETS = {"resnet18": (resnet18, ResNetCanonizer), "vgg11_bn": (vgg11_bn, VGGCanonizer)}
COMPOSITES = {
    "epsilon_plus": EpsilonPlus,
    "epsilon_gamma_box": EpsilonGammaBox,
    "epsilon_alpha2_beta1": EpsilonAlpha2Beta1,
    "epsilon_plus_flat": EpsilonPlusFlat,
    "epsilon_alpha2_beta1_flat": EpsilonAlpha2Beta1Flat,
}


def prepared(make: Callable[..., nn.Module]) -> nn.Module:
    """The network with normalisations of no special numbers and, for VGG, a small head."""
    model = seeded(lambda: make(weights=None, num_classes=10))()
    if isinstance(model, VGG):
        model.classifier = seeded(lambda: nn.Sequential(nn.Linear(25088, 32), nn.ReLU(), nn.Linear(32, 10)))()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            shifted(module).eps = 1e-12
    return model.double().eval()


@pytest.fixture(scope="module", params=NETS)
def network(request: pytest.FixtureRequest) -> tuple[nn.Module, Any]:
    make, canonizer = NETS[request.param]
    return prepared(make), canonizer


def peer(model: nn.Module, composite: Any) -> Tensor:
    def score(output: Tensor) -> Tensor:
        return torch.zeros_like(output).scatter(1, torch.tensor(TARGET)[:, None], 1.0) * output

    with Gradient(model, composite) as attributor:
        return attributor(X.clone(), score)[1]


def compare(network: tuple[nn.Module, Any], name: str, epsilon: float, tolerance: float) -> None:
    model, canonizer = network
    low, high = torch.full((1, 3, 1, 1), -4.0), torch.full((1, 3, 1, 1), 5.0)
    box = {"low": low, "high": high} if name == "epsilon_gamma_box" else {}
    result = pl.lrp(composite=name, epsilon=epsilon, **box)(model, X, target=TARGET)
    theirs = {key: value.double() for key, value in box.items()}
    composite = COMPOSITES[name](canonizers=[canonizer()], epsilon=epsilon, stabilizer=epsilon, **theirs)
    expected = peer(model, composite).numpy()
    np.testing.assert_allclose(result.values, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("name", COMPOSITES)
def test_composites(network: tuple[nn.Module, Any], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pellucid.methods.decision._relevance.STABILIZER", 1e-12)
    compare(network, name, 1e-12, 1e-9)


@pytest.mark.parametrize("name", COMPOSITES)
def test_the_usual_stabilisers_hardly_move_the_picture(network: tuple[nn.Module, Any], name: str) -> None:
    """With them ours stays near what equals zennit; zennit's own also stand at sums and averages."""
    model, _ = network
    usual, least = (pl.lrp(composite=name, epsilon=one)(model, X, target=TARGET).values for one in (1e-6, 1e-12))
    np.testing.assert_allclose(usual, least, rtol=0, atol=1e-4 * np.abs(least).max())
