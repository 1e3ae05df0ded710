"""Why nothing was found where something was asked for, as a user is told."""

import pytest
import torch
from torch import nn

import pellucid as pl


def told(model: nn.Module, x: torch.Tensor, view) -> str:
    error = None
    try:
        seen = pl.Lens(model).see(x, view)
        error = seen.failures[0].error if seen.failures else None
    except pl.PellucidError as raised:
        error = raised
    assert error is not None
    return str(error)


MODEL = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2))
X = torch.ones(2, 4)


def test_a_role_says_what_the_network_lacks():
    assert "keeps the height and width" in told(MODEL, X, pl.grad_cam())


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ("0#3", "was called 1 times, #0 to #0"),
        ("0/relu.0", "nothing in this forward is called"),
        ("7", "'7'"),
    ],
)
def test_an_address_that_denotes_nothing(layer, words):
    assert words in told(MODEL, X, pl.activation_maps(layer=layer))


def test_a_module_that_does_not_run_is_named():
    class Idle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = nn.Linear(4, 2), nn.Linear(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.used(x)

    assert "'idle' was not called in this forward" in told(Idle(), X, pl.activation_maps(layer="idle"))


def test_a_module_without_attention_says_so():
    assert "there is no attention in '0'" in told(MODEL, X, pl.attention_weights(layer="0"))
