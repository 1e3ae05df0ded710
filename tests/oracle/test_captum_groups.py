"""Shapley values and LIME against Captum 0.9, on ResNet-18 and on the features of VGG-11-BN, in double precision."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from captum import attr
from captum._utils.models.linear_model import SkLearnLinearRegression, SkLearnRidge
from torch import Tensor, nn
from torchvision.models import resnet18
from torchvision.models.vgg import cfgs, make_layers

import pellucid as pl
from pellucid.methods.decision.lime import closeness, drawn_covers
from pellucid.ops.draws import generator
from tests.networks import seeded

SIDE = 40


def vgg11_bn() -> nn.Module:
    """Its features under a small head: the original one is 120 million numbers of no interest here."""
    return nn.Sequential(
        make_layers(cfgs["A"], batch_norm=True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10)
    )


@pytest.fixture(scope="module", params=[lambda: resnet18(num_classes=10), vgg11_bn], ids=["resnet18", "vgg11_bn"])
def network(request: pytest.FixtureRequest) -> nn.Module:
    """The network in double precision; running statistics of batch normalisation are drawn, not the initial ones."""
    make: Callable[[], nn.Module] = request.param
    model = seeded(make)().double()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.2, 0.6)
    return model


@pytest.fixture(scope="module")
def x() -> Tensor:
    """One random picture."""
    return torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def cells(count: int) -> Tensor:
    """Labels of a grid of cells."""
    along = torch.arange(SIDE) * count // SIDE
    return along[:, None] * count + along[None]


def test_shapley_values(network: nn.Module, x: Tensor) -> None:
    labels = cells(2)
    expected = attr.ShapleyValues(network).attribute(
        x, baselines=0.5, target=3, feature_mask=labels[None, None], perturbations_per_eval=8
    )
    result = pl.shapley(groups=labels, baselines=0.5)(network, x, target=3)
    scale = float(expected.abs().max())
    np.testing.assert_allclose(result.values[0], expected[0, 0].numpy(), rtol=0, atol=1e-6 * scale)


def test_shapley_value_sampling(network: nn.Module, x: Tensor) -> None:
    """With the same orders: ours come in pairs, each with its reverse."""
    labels = cells(4)

    def orders(players: int, _: int) -> Iterator[list[int]]:
        for pair in range(2):
            order = torch.randperm(players, generator=generator(5, pair))
            yield order.tolist()
            yield order.flip(0).tolist()

    peer = attr.ShapleyValueSampling(network)
    peer.permutation_generator = orders
    expected = peer.attribute(x, target=3, feature_mask=labels[None, None], n_samples=4, perturbations_per_eval=8)
    result = pl.shapley(groups=labels, n_samples=4, seed=5)(network, x, target=3)
    scale = float(expected.abs().max())
    np.testing.assert_allclose(result.values[0], expected[0, 0].numpy(), rtol=0, atol=1e-6 * scale)


@pytest.mark.parametrize("ridge", [0.0, 2.0])
def test_lime(network: nn.Module, x: Tensor, ridge: float) -> None:
    """With the same covers and weights; Captum keeps covers and weights in single precision."""
    labels, shown = cells(3), drawn_covers(24, 9, 7)
    draws = iter(shown)
    weights = {tuple(row.tolist()): weight for row, weight in zip(shown, closeness(shown, "cosine", 0.25), strict=True)}
    peer = attr.Lime(
        network,
        interpretable_model=SkLearnRidge(alpha=ridge) if ridge else SkLearnLinearRegression(),
        similarity_func=lambda _, __, row, **___: weights[tuple(row[0].bool().tolist())],
        perturb_func=lambda *_, **__: next(draws)[None].double(),
    )
    expected = peer.attribute(
        x, target=3, feature_mask=labels[None, None], n_samples=24, perturbations_per_eval=8, return_input_shape=False
    )
    result = pl.lime(groups=labels, n_samples=24, seed=7, ridge=ridge)(network, x, target=3)
    scale = float(expected.abs().max())
    np.testing.assert_allclose(result.facts["values"][0], expected[0].numpy(), rtol=0, atol=1e-6 * scale)
