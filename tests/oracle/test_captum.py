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
from torchvision.models import resnet18

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


@pytest.fixture(scope="module")
def resnet() -> nn.Module:
    """ResNet-18 of random weights; its ReLU modules are in place and called twice."""
    return seeded(lambda: resnet18(num_classes=10))()


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
def test_resnet18(
    resnet: nn.Module,
    view: Callable[..., Any],
    peer: Callable[[nn.Module], Any],
    options: dict[str, Any],
    shape: tuple[int, int],
) -> None:
    x, target = pictures(*shape), [7, 2]
    expected = peer(out_of_place(resnet)).attribute(x.clone().requires_grad_(), target=target, **options)
    assert np.array_equal(view()(resnet, x, target=target).values, expected.detach().numpy())


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
