"""The gradient family against Captum 0.9, on ResNet-18 and VGG-11-BN of random weights."""

from typing import Any

import numpy as np
import pytest
import torch
from captum import attr
from captum.attr._core import gradient_shap

import pellucid as pl
from pellucid.methods.decision._draws import draw
from tests.oracle.test_captum_layers import PICTURES, PLACES, TARGET, agrees, twins

pytestmark = pytest.mark.filterwarnings("ignore:Setting (backward|forward, backward) hooks:UserWarning")


@pytest.mark.parametrize("name", PLACES)
def test_guided_grad_cam(name: str) -> None:
    """Captum enlarges by the nearest cell unless told otherwise; its hooks need activations out of place."""
    ours, theirs = twins(name)
    place = PLACES[name][1]
    result = pl.guided_grad_cam(layer=place)(ours, PICTURES, target=TARGET)
    peer = attr.GuidedGradCam(theirs, theirs.get_submodule(place))
    expected = peer.attribute(PICTURES.clone().requires_grad_(), target=TARGET, interpolate_mode="bilinear")
    agrees(result.values, expected, 1e-12)


@pytest.mark.parametrize("name", PLACES)
def test_expected_gradients_with_the_same_draws(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """GradientShap takes its draws from NumPy's global generator, so they can be handed to it."""
    ours, theirs = twins(name)
    baselines = torch.randn(3, 3, 64, 48, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    result = pl.expected_gradients(baselines=baselines, n_samples=6)(ours, PICTURES, target=TARGET)
    drawn = draw({"input": PICTURES}, baselines, 6, 0, tokens=False)
    numbers = np.repeat([drawn.numbers["input"]], len(PICTURES), 0).reshape(-1)
    alphas = np.repeat([drawn.alphas], len(PICTURES), 0).reshape(-1)
    handed: dict[str, Any] = {"choice": lambda *_: numbers, "uniform": lambda *_: alphas}
    for one, given in handed.items():
        monkeypatch.setattr(gradient_shap.np.random, one, given)
    peer = attr.GradientShap(theirs)
    agrees(result.values, peer.attribute(PICTURES, baselines, n_samples=6, stdevs=0.0, target=TARGET), 1e-6)
