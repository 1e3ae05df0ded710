"""Against Captum 0.9, on networks with one module per operation, which is what it can read.

Not compared, because there Captum is wrong or cannot be: guided backpropagation and deconvolution on functional ReLU
(it returns the plain gradient without a word), DeepLift with ReLU directly before max-pool.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from captum import attr
from torch import Tensor, nn
from torchvision.models import resnet18, vgg11_bn

import pellucid as pl
from tests.networks import seeded, vision
from tests.oracle import naive

CASES = {
    "saliency": (pl.saliency, lambda model: attr.Saliency(model), {"abs": False}),
    "input_x_gradient": (pl.input_x_gradient, lambda model: attr.InputXGradient(model), {}),
    "guided_backprop": (pl.guided_backprop, lambda model: attr.GuidedBackprop(model), {}),
    "deconvolution": (pl.deconvolution, lambda model: attr.Deconvolution(model), {}),
}
pytestmark = pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU activations:UserWarning")


def vgg() -> nn.Module:
    """VGG-11 with batch normalisation, its classifier cut short."""
    return nn.Sequential(vgg11_bn(num_classes=10).features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


@pytest.fixture(scope="module", params=[lambda: resnet18(num_classes=10), vgg], ids=["resnet18", "vgg11_bn"])
def network(request: pytest.FixtureRequest) -> nn.Module:
    """A network of random weights; the ReLU modules of both are in place, those of ResNet are called twice."""
    return seeded(request.param)()


def pictures(*shape: int) -> Tensor:
    """Two random pictures."""
    return torch.randn(2, 3, *shape, generator=torch.Generator().manual_seed(3))


def out_of_place(model: nn.Module) -> nn.Module:
    """The same network for Captum, whose backward hooks refuse activations that write in place."""
    twin = copy.deepcopy(model)
    for module in twin.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return twin


def article(dtype: torch.dtype = torch.float32) -> tuple[nn.Module, nn.Module]:
    """The article's network, and its twin of modules with the same weights."""
    net, twin = seeded(vision.ArticleNet)().to(dtype), seeded(vision.ArticleTwin)().to(dtype)
    twin.load_state_dict(net.state_dict())
    return net, twin


@pytest.mark.parametrize(("view", "peer", "options"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("shape", [(64, 64), (48, 80)], ids=["square", "non-square"])
def test_one_gradient(
    network: nn.Module,
    view: Callable[..., Any],
    peer: Callable[[nn.Module], Any],
    options: dict[str, Any],
    shape: tuple[int, int],
) -> None:
    x, target = pictures(*shape), [7, 2]
    expected = peer(out_of_place(network)).attribute(x.clone().requires_grad_(), target=target, **options)
    assert np.array_equal(view()(network, x, target=target).values, expected.detach().numpy())


@pytest.mark.parametrize(("view", "peer", "options"), CASES.values(), ids=CASES)
def test_article_net(view: Callable[..., Any], peer: Callable[[nn.Module], Any], options: dict[str, Any]) -> None:
    net, twin = article()
    x, target = pictures(32, 32), [3, 8]
    expected = peer(twin).attribute(x.clone().requires_grad_(), target=target, **options)
    assert np.array_equal(view()(net, x, target=target).values, expected.detach().numpy())


@pytest.mark.parametrize(
    ("view", "rule"),
    [(pl.guided_backprop, naive.guided), (pl.deconvolution, naive.deconvnet)],
    ids=["guided_backprop", "deconvolution"],
)
def test_rules_equal_their_restatement_and_not_the_gradient(view: Callable[..., Any], rule: naive.Rule) -> None:
    net, twin = article()
    x, target = pictures(32, 32), [3, 8]
    values = view()(net, x, target=target).values
    assert not np.allclose(values, pl.saliency()(net, x, target=target).values)
    assert np.array_equal(values, naive.with_rule(twin, x, target, rule).numpy())


def test_integrated_gradients() -> None:
    """Captum keeps its step weights in float32, so in float64 it is off by about 4e-9 of the largest value."""
    net, twin = article(torch.float64)
    x, target = pictures(32, 32).double(), [3, 8]
    peer = attr.IntegratedGradients(twin)
    expected = peer.attribute(x.clone().requires_grad_(), target=target, n_steps=50, method="gausslegendre")
    values = pl.integrated_gradients(n_steps=50)(net, x, target=target).values
    assert np.abs(values - expected.detach().numpy()).max() <= 4e-9 * np.abs(values).max()
    exact = naive.integrated_gradients(twin, x, target, 50).numpy()
    assert np.abs(values - exact).max() <= 1e-12 * np.abs(values).max()


def test_integrated_gradients_of_deep_networks(network: nn.Module) -> None:
    """Captum's step weights are float32: each is off by up to 2⁻²⁵ of itself, which bounds the sum of few steps."""
    model, x, target = copy.deepcopy(network).double(), pictures(48, 64).double(), [3, 8]
    peer = attr.IntegratedGradients(out_of_place(model))
    expected = peer.attribute(x.clone().requires_grad_(), target=target, n_steps=10, method="gausslegendre")
    values = pl.integrated_gradients(n_steps=10)(model, x, target=target).values
    assert np.abs(values - expected.detach().numpy()).max() <= 2**-25 * np.abs(values).max()
