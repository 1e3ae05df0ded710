"""FullGrad against pytorch-grad-cam 1.5 on ResNet-18 and VGG-11-BN.

The peer brings every channel of every map to 0..1 and the sum once more; it reads biases of 2-D convolutions and of
batch normalisations only, which on these networks are all that lie on the grid. It adds 1e-7 to what it divides by, so
the scores are made large here.
"""

import numpy as np
import pytest
import torch
from pytorch_grad_cam import FullGrad
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

import pellucid as pl
from tests.oracle.test_captum_deep_lift import NETS, build


@pytest.mark.parametrize("name", NETS)
def test_full_grad(name: str) -> None:
    net, x = build(name).float(), torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(5))
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.bias, 0, 0.1)
        if isinstance(module, nn.ReLU):
            module.inplace = False
    last = net.fc if name == "resnet18" else net.classifier
    last.weight.data *= 1e6
    with FullGrad(net, []) as peer:
        expected = peer(x.clone(), [ClassifierOutputTarget(7), ClassifierOutputTarget(2)])
    values = pl.full_grad(scaling="channel")(net, x, target=[7, 2]).values
    low, high = values.min((1, 2), keepdims=True), values.max((1, 2), keepdims=True)
    scaled = (values - low) / (high - low)
    assert np.abs(scaled - expected).max() <= 1e-5
