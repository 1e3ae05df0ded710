"""One level of a network: its weight, what it answers, what is passed back to it."""

from typing import Any

import torch
from torch import Tensor

from pellucid.engine.passes import Spot
from pellucid.ops.kernels import filters_first
from pellucid.ops.precision import in_double
from pellucid.ops.spatial import channels_first
from pellucid.ops.tiles import mosaic, thumbnail
from pellucid.results.array import as_array

BINS = 41


def level_of(spot: Spot, held: list[Tensor], module: Any, drawn: int) -> dict[str, Any]:
    """The row of one call of one layer; without its gradient, where the network has none.

    Args:
        held: its matrices.
        module: it, if it is known.
        drawn: of how many examples there are pictures.
    """
    alone = held[0] if len(held) == 1 else None
    value, grad = (
        one if one is None or spot.layout is None else channels_first(one, spot.layout)
        for one in (spot.value, spot.grad)
    )
    numbers = in_double(spot.value)
    finite = numbers[torch.isfinite(numbers)]
    low, high = (float(finite.min()), float(finite.max())) if finite.numel() else (None, None)
    pictures = {"activation": value, "gradient": grad}
    return {
        "layer": spot.address,
        "kind": spot.event.kind if spot.event else "",
        "weight": None if alone is None else mosaic(filters_first(alone, module)),
        "weight_shape": None if alone is None else tuple(alone.shape),
        "weight_norm": float(torch.stack([in_double(one).norm() for one in held]).norm()) if held else None,
        **{
            f"{name}_{i + 1}" if i else name: thumbnail(one[i]) if one is not None and i < len(one) else None
            for name, one in pictures.items()
            for i in range(drawn)
        },
        "activation_shape": tuple(spot.value.shape),
        "activation_mean": float(numbers.mean()),
        "activation_std": float(numbers.std(unbiased=False)),
        "activation_zero": float((spot.value == 0).double().mean()),
        "distribution": counts(finite),
        "low": low,
        "high": high,
        "gradient_norm": None if spot.grad is None else float(in_double(spot.grad).norm()),
        "gradient_zero": None if spot.grad is None else float((spot.grad == 0).double().mean()),
    }


def counts(numbers: Tensor) -> Any:
    """How many numbers lie in each of `BINS` bins of equal width from the least to the largest.

    Args:
        numbers: finite, double precision.
    """
    if not numbers.numel():
        return as_array(torch.zeros(BINS))
    low, high = float(numbers.min()), float(numbers.max())
    if high <= low or not high - low < float("inf"):
        low, high = low - 0.5, low + 0.5
    place = ((numbers - low) / (high - low) * BINS).long().clamp(0, BINS - 1)
    return as_array(torch.bincount(place.flatten(), minlength=BINS).float())
