"""Weights as filters: transposed convolutions, and filters that are copies."""

import pytest
import torch
from torch import nn

from pellucid.ops.kernels import filters_first, is_transposed, near_copies


@pytest.mark.parametrize("groups", [1, 2])
def test_a_transposed_convolution_by_what_each_output_reads(groups: int) -> None:
    """Only the weights of a filter move its output channel."""
    layer = nn.ConvTranspose2d(4, 6, 3, groups=groups, bias=False)
    filters = filters_first(layer.weight, layer)
    assert is_transposed(layer) and filters.shape == (6, 4 // groups, 3, 3)
    x = torch.randn(1, 4, 5, 5)
    for index in range(6):
        only = torch.autograd.grad(layer(x)[0, index].square().sum(), layer.weight)[0]
        moved = filters_first(only, layer).flatten(1).abs().sum(1) > 0
        assert moved.nonzero().flatten().tolist() == [index]


def test_other_weights_stay_as_they_are() -> None:
    layer = nn.Conv2d(3, 4, 3)
    assert filters_first(layer.weight, layer) is layer.weight
    assert filters_first(layer.weight) is layer.weight


def test_copies_point_the_same_way() -> None:
    filters = torch.eye(4).repeat(1, 2)
    assert near_copies(filters) == 0
    filters[3] = 5 * filters[0]
    filters[2] = -filters[0]
    assert near_copies(filters) == 2


def test_what_cannot_be_compared_is_not() -> None:
    assert near_copies(torch.randn(4, 1, 1)) is None
    assert near_copies(torch.zeros(1, 768).expand(50_000, 768)) is None
