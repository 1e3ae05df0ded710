"""Activations and gradients of layers of every layout, for restatements of the class activation maps."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tests.networks import NETWORKS
from tests.oracle import naive

Map = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
TARGET = [1, 2]
CASES = {
    "float64": ("2", ("batch", "height", "width")),
    "non_square": ("stem", ("batch", "height", "width")),
    "channels_behind": ("mix", ("batch", "height", "width")),
    "tiny_vit": ("norm1", ("batch", "height", "width")),
    "two_inputs": ("conv", ("batch", "height", "width")),
    "series": ("2", ("batch", "time")),
    "volume": ("2", ("batch", "depth", "height", "width")),
}
on_every_layout = pytest.mark.parametrize("name", CASES)


def layer_of(name: str) -> str:
    """The layer of a case."""
    return CASES[name][0]


def seen(model: nn.Module, layer: str, x: Any, target: Sequence[int] = TARGET) -> tuple[Tensor, Tensor]:
    """Activation of a layer that is called once, and the gradient of the target there, as they are."""
    kept: list[Tensor] = []
    handle = model.get_submodule(layer).register_forward_hook(lambda _, __, out: kept.append(out) or out.clone())
    scores = model(*x) if isinstance(x, tuple) else model(x)
    handle.remove()
    return kept[0].detach(), torch.autograd.grad(naive.chosen(scores, target).sum(), kept)[0]


def restated(name: str, one_map: Map) -> NDArray[np.float64]:
    """`one_map` of `(channel, *grid)` activations and gradients, one example at a time."""
    network, layer = NETWORKS[name], layer_of(name)
    pair = seen(network.build(), layer, network.x(2))
    if name == "tiny_vit":
        pair = tuple(one[:, 1:].transpose(1, 2).unflatten(2, (4, 4)) for one in pair)
    if name == "channels_behind":
        pair = tuple(one.movedim(-1, 1) for one in pair)
    activation, gradient = (one.double().numpy() for one in pair)
    return np.stack([one_map(a, g) for a, g in zip(activation, gradient, strict=True)])


def pooled(seed: int = 0) -> Tensor:
    """Pictures for `known.pooled_head`."""
    return torch.randn(2, 3, 12, 9, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
