"""DeepLIFT against Captum 0.9 on ResNet-18 and VGG-11-BN.

Captum refuses activations that are called twice, so both look at a twin with a module for each. It is not complete
where ReLU stands directly before max-pooling, so the twin has average pooling there; on the networks as they are, the
sum is the oracle.
"""

import copy

import numpy as np
import pytest
import torch
from captum import attr
from torch import Tensor, nn
from torchvision.models import resnet18, vgg11_bn
from torchvision.models.resnet import BasicBlock

import pellucid as pl
from tests.networks import seeded

NETS = ("resnet18", "vgg11_bn")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def vgg() -> nn.Module:
    """The network with one linear layer in the place of its three, which are most of its weights."""
    with torch.device("meta"):
        net = vgg11_bn(num_classes=10)
        net.classifier = nn.Linear(512 * 7 * 7, 10)
    net.to_empty(device="cpu")
    for module in net.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return net


def build(name: str) -> nn.Module:
    """Random weights, statistics that are not the initial ones, double precision."""
    net = seeded(vgg if name == "vgg11_bn" else lambda: resnet18(num_classes=10))().double()
    generator = torch.Generator().manual_seed(7)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
    return net


class Block(nn.Module):
    """A basic block with an activation module for each call."""

    def __init__(self, block: BasicBlock) -> None:
        super().__init__()
        self.first = nn.Sequential(block.conv1, block.bn1, nn.ReLU(), block.conv2, block.bn2)
        self.downsample, self.relu = block.downsample or nn.Identity(), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.first(x) + self.downsample(x))


def separate(module: nn.Module) -> nn.Module:
    """A twin with one out-of-place activation per call and average pooling in the place of max-pooling."""
    twin = copy.deepcopy(module)
    for owner in list(twin.modules()):
        for name, child in owner.named_children():
            if isinstance(child, nn.ReLU):
                setattr(owner, name, nn.ReLU())
            elif isinstance(child, nn.MaxPool2d):
                setattr(owner, name, nn.AvgPool2d(child.kernel_size, child.stride, child.padding))
            elif isinstance(child, BasicBlock):
                setattr(owner, name, Block(child))
    return twin


def pictures() -> tuple[Tensor, Tensor]:
    """Two random pictures and as many baselines."""
    x, b = torch.randn(2, 2, 3, 64, 64, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    return x, 0.3 * b


@pytest.mark.parametrize("name", NETS)
def test_rescale_rule(name: str) -> None:
    twin, (x, b) = separate(build(name)), pictures()
    expected = attr.DeepLift(twin).attribute(x.clone(), baselines=b, target=[7, 2]).detach().numpy()
    values = pl.deep_lift(baselines=b)(twin, x, target=[7, 2]).values
    assert np.abs(values - expected).max() <= 1e-12 * np.abs(expected).max()


@pytest.mark.parametrize("name", NETS)
def test_nothing_is_lost_before_max_pooling(name: str) -> None:
    net, (x, b) = build(name), pictures()
    result = pl.deep_lift(baselines=b)(net, x, target=[7, 2])
    with torch.no_grad():
        difference = (net(x) - net(b))[[0, 1], [7, 2]].numpy()
    np.testing.assert_allclose(result.values.sum((1, 2, 3)), difference, rtol=1e-12, atol=1e-13)


def test_max_pooling_away_from_activations() -> None:
    """A convolution between activation and pooling, which Captum handles."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.MaxPool2d(2), nn.Conv2d(4, 3, 6))
    net = nn.Sequential(net, nn.Flatten()).double().eval()
    x = torch.randn(2, 3, 16, 16).double()
    expected = attr.DeepLift(net).attribute(x.clone(), baselines=0.1 * x.flip(0), target=1).detach().numpy()
    values = pl.deep_lift(baselines=0.1 * x.flip(0))(net, x, target=1).values
    assert np.abs(values - expected).max() <= 1e-12 * np.abs(expected).max()


def test_several_baselines_equal_deep_lift_shap() -> None:
    twin, (x, b) = separate(build("resnet18")), pictures()
    expected = attr.DeepLiftShap(twin).attribute(x.clone(), baselines=b, target=4).detach().numpy()
    values = pl.deep_lift(baselines=b[:, None])(twin, x, target=4).values
    assert np.abs(values - expected).max() <= 1e-12 * np.abs(expected).max()
