"""Which layer answers to which."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.lens.comparing.held import layers_of
from pellucid.lens.comparing.matching import matching
from pellucid.lens.comparing.observed import observed, together
from tests.lens.comparing.small import data, lens, net, renamed, tuned

HOW: dict[str, Any] = {"samples": 512, "batch_size": None, "seed": 0, "progress": None}


def matched(one: nn.Module, two: nn.Module) -> tuple[Any, Any, Any]:
    a, b = (observed(lens(model), name, data(), **HOW) for model, name in ((one, "a"), (two, "b")))
    return matching(a.layers, b.layers, *together(a, b)), a.layers, b.layers


def test_the_same_names_are_pairs():
    found, _, _ = matched(net(), tuned())
    assert all(pair.named and pair.one == pair.two for pair in found.pairs) and len(found.pairs) == 7
    assert found.pairs[0].alignment == pytest.approx(1) and found.pairs[4].alignment < 1 - 1e-4


@pytest.mark.parametrize("with_data", [True, False])
def test_a_copy_with_other_names_is_matched_exactly(with_data):
    if with_data:
        found, ones, twos = matched(net(), renamed())
    else:
        ones, twos = layers_of(lens()), layers_of(lens(renamed()))
        found = matching(ones, twos, {}, {})
    assert [(pair.one, pair.two) for pair in found.pairs] == [(i, i) for i in range(7)]
    assert all(pair.score == pytest.approx(1, abs=1e-6) and not pair.named for pair in found.pairs)
    assert found.alone == ((), ()) and ones[0].path != twos[0].path


def test_cka_is_symmetric():
    there, _, _ = matched(net(), net(5))
    back, _, _ = matched(net(5), net())
    assert np.allclose(there.alignment, back.alignment.T, atol=1e-9)


def test_a_layer_that_was_added_stays_alone():
    torch.manual_seed(0)
    short = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).eval()
    long = nn.Sequential(nn.ModuleDict({"in": short[0]})["in"], nn.ReLU(), nn.Linear(6, 6), nn.ReLU(), short[2]).eval()
    found = matching(layers_of(pl.Lens(short)), layers_of(pl.Lens(long)), {}, {})
    assert [(pair.one, pair.two) for pair in found.pairs] == [(0, 0), (1, 2)] and found.alone == ((), (1,))


def test_three_samples_tell_no_likeness():
    a, b = (observed(lens(), name, data(3), **HOW) for name in "ab")
    assert matching(a.layers, b.layers, *together(a, b)).alignment is None


def test_a_convolution_and_a_linear_layer_that_compute_the_same_are_a_pair():
    torch.manual_seed(0)
    one = nn.Sequential(nn.Conv2d(3, 5, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()

    class Linear(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mixing = nn.Linear(3, 5)
            self.mixing.weight.data = one[0].weight.data[:, :, 0, 0].clone()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.mixing(x.flatten(2).transpose(1, 2)).mean(1)

    found, _, _ = matched(one, Linear())
    assert [(pair.one, pair.two, pair.same_shape) for pair in found.pairs] == [(0, 0, False)]
    assert found.pairs[0].alignment == pytest.approx(1, abs=1e-6)
