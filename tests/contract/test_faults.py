"""After a fault in the middle of a look, in the forward or in the backward, everything is as it was."""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid import registry
from pellucid.core.errors import ModelFailed, PellucidError
from pellucid.results.failure import Failure
from tests.contract import looks, state
from tests.networks import NETWORKS, ZOO, Network
from tests.networks.network import first_floating, scores

OPEN = [network for network in ZOO if not network.quirks & {"scripted", "compiled"}]
on_every_network = pytest.mark.parametrize("network", OPEN, ids=str)


class Planted(RuntimeError):
    """The fault."""


def plant(network: Network, hook: Callable[[Tensor], None]) -> nn.Module:
    """The network with `hook` on what a module in the middle of its forward returns."""
    model, called = network.build(), []
    handles = [module.register_forward_hook(lambda module, _, __: called.append(module)) for module in model.modules()]
    with torch.no_grad():
        scores(model, network.x(1))
    for handle in handles:
        handle.remove()
    called[len(called) // 2].register_forward_hook(lambda _, __, output: hook(first_floating(output)))
    return model


def raising(fault: type[BaseException]) -> Callable[[Any], None]:
    def raise_it(_: Any) -> None:
        raise fault("planted")

    return raise_it


def raising_backward(fault: type[BaseException]) -> Callable[[Tensor], None]:
    def wait_for_gradient(output: Tensor) -> None:
        if output.requires_grad:
            output.register_hook(raising(fault))

    return wait_for_gradient


def look_with_everything(model: nn.Module, x: Any) -> pl.Views:
    running = (name for name in looks.METHODS if "x" in registry.find(name).given)
    return pl.Lens(model).see(x, *map(looks.quick, running))


@on_every_network
def test_forward_is_interrupted(network: Network) -> None:
    model, x = plant(network, raising(KeyboardInterrupt)), network.x(2)
    before = state.of_everything(model, x)
    with pytest.raises(KeyboardInterrupt):
        look_with_everything(model, x)
    assert not state.changed(before, state.of_everything(model, x))


@pytest.mark.parametrize("name", ["article_net", "causal_lm", "lstm", "half_training", "two_inputs", "counts_calls"])
def test_memory_runs_out_even_for_one_example(name: str) -> None:
    network = NETWORKS[name]
    model, x = plant(network, raising(torch.OutOfMemoryError)), network.x(2)
    before = state.of_everything(model, x)
    with pytest.raises(PellucidError, match="memory"):
        look_with_everything(model, x)
    assert not state.changed(before, state.of_everything(model, x))


def _ruled_out(network: Network, card: Failure) -> bool:
    return card.error.__cause__ is None and re.search(network.refuses.get(card.method, "$^"), card.reason) is not None


@on_every_network
def test_forward_raises(network: Network) -> None:
    """Every view says so, but those that the input alone rules out; the flow graph shows how far the model came."""
    model, x = plant(network, raising(Planted)), network.x(2)
    before = state.of_everything(model, x)
    views = look_with_everything(model, x)
    assert not state.changed(before, state.of_everything(model, x))
    reached = [card for card in views.failures if not _ruled_out(network, card)]
    assert reached and all(isinstance(card.error.__cause__, Planted) for card in reached)
    assert len(views.failures) == len(views) - 1 and views["flow_graph"].failed is not None
    with pytest.raises(ModelFailed, match="planted") as caught:
        pl.activation_maps(layer="output")(model, x)
    assert isinstance(caught.value.__cause__, Planted)
    assert not state.changed(before, state.of_everything(model, x))


@on_every_network
@pytest.mark.parametrize("fault", [Planted, KeyboardInterrupt])
def test_backward_raises(network: Network, fault: type[BaseException]) -> None:
    model, x = plant(network, raising_backward(fault)), network.x(2)
    before = state.of_everything(model, x)
    with suppress(PellucidError, fault):
        look_with_everything(model, x)
    assert not state.changed(before, state.of_everything(model, x))
