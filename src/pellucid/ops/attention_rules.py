"""What AttnLRP passes down through activations and normalisations, as pure formulas (Achtibat et al. 2024)."""

from collections.abc import Iterable

import torch
from torch import Tensor

CLOSE = 1e-3


def wide(x: Tensor) -> Tensor:
    """At least single precision."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def activated(x: Tensor, y: Tensor, start: Tensor | float, arrived: Tensor, own: Tensor) -> Tensor:
    """`(phi(x) - phi(0)) / x` of what arrived, the slope where `x` is zero.

    Args:
        x, y: what the function read and gave.
        start: what it gives for zero; like a bias, it keeps its share.
        arrived: relevance per unit of `y`.
        own: the plain gradient.
    """
    rise, at = wide(y) - start, wide(x)
    near = at == 0 if isinstance(start, float) else at.abs() < CLOSE
    passed = wide(arrived) * (rise / at.masked_fill(near, 1.0))
    return torch.where(near | ~passed.isfinite(), wide(own), passed)


def gated(x: Tensor, axis: int, arrived: Tensor) -> Tensor:
    """Through the gated linear unit `a * sigmoid(b)` of the halves of `x`: half of the product to each."""
    a, b = wide(x).chunk(2, axis)
    gate = torch.sigmoid(b)
    to_gate = arrived * a / 2
    return torch.cat([arrived * gate / 2, activated(b, gate, torch.full_like(b, 0.5), to_gate, to_gate / 4)], axis)


def scaled_only(x: Tensor, axes: Iterable[int], eps: float, arrived: Tensor, *, centred: bool) -> Tensor:
    """Through `x / sqrt(mean(x ** 2) + eps)` as if the root were a constant; if `centred`, of `x` less its mean."""
    over, values, gradient = list(axes), wide(x), wide(arrived)
    if centred:
        values = values - values.mean(over, keepdim=True)
    passed = gradient * torch.rsqrt(values.square().mean(over, keepdim=True) + eps)
    return passed - passed.mean(over, keepdim=True) if centred else passed
