"""Curves of activation functions: those that their name tells."""

import pytest
import torch
from torch import nn

from pellucid.ops.curves import activation_curve


@pytest.mark.parametrize(
    "module",
    [
        nn.ReLU,
        nn.ReLU6,
        nn.SELU,
        nn.GELU,
        nn.SiLU,
        nn.Mish,
        nn.Sigmoid,
        nn.Tanh,
        nn.Hardsigmoid,
        nn.Hardswish,
        nn.Softsign,
        nn.LogSigmoid,
    ],
)
def test_a_function_without_settings_is_that_of_its_module(module: type[nn.Module]) -> None:
    at = torch.linspace(-8, 8, 33)
    assert torch.equal(activation_curve(module.__name__.lower(), at), module()(at))


@pytest.mark.parametrize("op", ["leaky_relu", "elu", "celu", "softplus", "hardtanh", "prelu", "clamp", "softmax"])
def test_a_function_with_settings_is_not_guessed(op: str) -> None:
    assert activation_curve(op, torch.zeros(3)) is None
