"""Weights of torch's quantised modules: they are no tensors, but give one when they are called."""

from typing import Any

from torch import Tensor, nn


def is_packed(module: Any) -> bool:
    """Whether a module of torch holds its weight packed, as integers and their scale."""
    weight = getattr(module, "weight", None)
    called = callable(weight) and not isinstance(weight, (Tensor, nn.Module))
    return called and type(module).__module__.startswith("torch.")


def weight_of(module: Any) -> Tensor | None:
    """The weight of a module, with the numbers that its integers stand for; None if it has none."""
    weight = module.weight() if is_packed(module) else getattr(module, "weight", None)
    if not isinstance(weight, Tensor):
        return None
    return weight.dequantize() if weight.is_quantized else weight
