"""Curves of activation functions."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

_WITHOUT_SETTINGS = frozenset(
    {"relu", "relu6", "selu", "gelu", "silu", "mish", "sigmoid", "tanh"}
    | {"hardsigmoid", "hardswish", "softsign", "logsigmoid"}
)


def activation_curve(op: str, at: Float[Tensor, " position"]) -> Float[Tensor, " position"] | None:
    """The activation function `op` at some points; None where it has settings that its name does not tell."""
    if op not in _WITHOUT_SETTINGS:
        return None
    return (getattr(torch, op, None) or getattr(functional, op))(at)
