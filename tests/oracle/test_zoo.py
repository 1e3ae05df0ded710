"""The gradient at the input, on every network whose answer to one tensor is `batch class`, against plain autograd."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from tests.networks import NETWORKS, ZOO, Network

NOT_PLAIN = {"tokens", "dense output", "several inputs", "one output", "no gradient", "keywords"}
PLAIN = [network for network in ZOO if not network.quirks & NOT_PLAIN]


class Answers(nn.Module):
    """The same network for the restatement: in evaluation mode, not compiled, only its class scores."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        model = network.build()
        self.model = getattr(model, "_orig_mod", model).eval()

    def forward(self, x: Tensor) -> Tensor:
        out = self.model.forward(x)  # the module's own code, even where its call is compiled
        if isinstance(out, dict):
            return out["logits"]
        return out[1] if isinstance(out, tuple) else getattr(out, "logits", out)


def plain_gradient(network: Network, x: Tensor) -> Tensor:
    leaf = x.clone().requires_grad_()
    torch.manual_seed(0)  # a look starts every forward from its own seed, 0 unless asked
    Answers(network)(leaf.clone())[:, 1].sum().backward()
    return leaf.grad


@pytest.mark.parametrize("network", PLAIN, ids=str)
def test_saliency_is_the_gradient(network: Network) -> None:
    x = network.x(2)
    values = pl.saliency()(network.build(), x, target=1).values
    expected = plain_gradient(network, x)
    assert values.shape == tuple(x.shape) and values.any()
    assert np.array_equal(values, expected.double().numpy() if values.dtype == np.float64 else expected.float().numpy())


@pytest.mark.parametrize("name", ["attention", "encoder_layer", "lstm"])
def test_a_sequence_is_drawn_along_its_steps(name: str) -> None:
    """These read `batch step feature`: the map has one number per step, never one per feature."""
    network = NETWORKS[name]
    result = pl.input_x_gradient()(network.build(), network.x(2), target=1)
    assert result.values.shape == tuple(network.x(2).shape)
    np.testing.assert_allclose(result.heat, result.values.sum(2), rtol=1e-5, atol=1e-7)
