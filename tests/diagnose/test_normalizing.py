"""What a batch normalisation holds."""

import torch
from torch import nn

from pellucid.core.sites import Site
from pellucid.diagnose.normalizing import Norm, moments


def test_fresh_statistics_are_told_from_measured_ones():
    norm = nn.BatchNorm1d(4)
    assert not Norm(Site("n"), norm, 8).trained
    norm(torch.randn(8, 4))
    assert Norm(Site("n"), norm, 8).trained


def test_moments_are_those_of_a_channel():
    value = torch.randn(6, 3, 5)
    mean, variance = moments(value)
    torch.testing.assert_close(mean.float(), value.mean((0, 2)))
    torch.testing.assert_close(variance.float(), value.var((0, 2), correction=0))
