"""Numbers that describe a tensor, made where it is seen so that it need not be kept."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.ops.precision import in_double

BINS = 64
NEAR = 0.01
_LIMITS = {
    "sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "hardsigmoid": (0.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu6": (None, 6.0),
}


@dataclass(frozen=True)
class Summary:
    """Moments and shares of one activation.

    `silent_first` and `silent_last` count the channels that are zero everywhere, for a channel axis behind the batch
    and for one at the end.
    """

    shape: tuple[int, ...]
    mean: float
    std: float
    low: float
    high: float
    zero: float
    not_finite: int
    silent_first: int
    silent_last: int


def summary(value: Tensor) -> Summary:
    """Moments in double precision over everything that is finite."""
    flat = value.detach().to(torch.float64 if value.device.type == "cpu" else torch.float32).flatten()
    finite = flat[flat.isfinite()]
    nonzero = value != 0
    full = finite if finite.numel() else flat.new_full((1,), float("nan"))
    return Summary(
        shape=tuple(value.shape),
        mean=float(full.mean()),
        std=float(full.std(unbiased=False)),
        low=float(full.min()),
        high=float(full.max()),
        zero=float(in_double(~nonzero).mean()),
        not_finite=int(flat.numel() - finite.numel()),
        silent_first=int((~_any_but(nonzero, 1)).sum()) if value.ndim > 1 else 0,
        silent_last=int((~_any_but(nonzero, value.ndim - 1)).sum()) if value.ndim > 1 else 0,
    )


def _any_but(flags: Tensor, axis: int) -> Tensor:
    return flags.movedim(axis, 0).flatten(1).any(1)


def histogram(value: Float[Tensor, "*axes"]) -> tuple[Float[Tensor, " bin"], Float[Tensor, " bin"]]:
    """Density over `BINS` equal bins between the extremes: centres and densities, on the CPU."""
    flat = value.detach().flatten().cpu().double()
    flat = flat[flat.isfinite()]
    low, high = (float(flat.min()), float(flat.max())) if flat.numel() else (0.0, 1.0)
    high = high if high > low else low + 1.0
    counts = torch.histc(flat, BINS, low, high)
    width = (high - low) / BINS
    centres = low + width * (torch.arange(BINS, dtype=torch.float64) + 0.5)
    return centres, counts / (counts.sum().clamp(min=1) * width)


def saturation(op: str, value: Tensor) -> float | None:
    """Share of the values within a hundredth of an activation's limits; None for activations without limits."""
    each = at_limits(op, value)
    return None if each is None else float(in_double(torch.stack(each).any(0)).mean())


def at_limits(op: str, value: Tensor) -> list[Tensor] | None:
    """For each limit of an activation, which values lie within a hundredth of it; None for one without limits."""
    limits = _LIMITS.get(op)
    if limits is None:
        return None
    span = (limits[1] or 0.0) - (limits[0] or 0.0)
    return [(value - limit).abs() <= NEAR * span for limit in limits if limit is not None]
