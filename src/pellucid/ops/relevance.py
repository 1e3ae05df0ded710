"""Layer-wise relevance propagation through one linear operation, as pure formulas.

A unit's relevance is handed to the inputs in proportion to what they contributed. Where it is carried as relevance per
unit of value (`x * gradient` form) the plain gradient is the epsilon rule with epsilon 0.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

TINY = 1e-9


class Affine(NamedTuple):
    """One linear operation.

    Args:
        apply: `(x, weight, bias) -> z`, linear in `x`.
        x, weight, bias: what it was called with.
    """

    apply: Callable[[Tensor, Tensor, Tensor | None], Tensor]
    x: Tensor
    weight: Tensor
    bias: Tensor | None = None


def stabilized(z: Tensor, epsilon: float) -> Tensor:
    """`z`, moved away from zero by `epsilon`."""
    return z + torch.where(z < 0, -epsilon, epsilon)


def held(z: Tensor, epsilon: float) -> Tensor:
    """The share of the relevance that the epsilon rule keeps: `z / (z + epsilon sign z)`."""
    return z / stabilized(z, epsilon)


def stand_in(x: Tensor) -> Tensor:
    """`x` with a tiny number in place of zeros, so that relevance can be divided by it and multiplied again."""
    return torch.where(x.abs() < TINY, torch.where(x < 0, -TINY, TINY), x)


def pulled(affine: Affine, upper: Tensor) -> Tensor:
    """The transposed operation: what `upper` is at the inputs."""
    return _responses(affine.apply, [(affine.x, affine.weight, affine.bias)])[1]([upper])[0]


def z_plus(affine: Affine, relevance: Tensor, stabilizer: float) -> Tensor:
    """Only what raises the sum counts. Relevance per value (Montavon et al. 2017; any sign as in Bach et al. 2015)."""
    up, down = affine.weight.clamp(min=0), affine.weight.clamp(max=0)
    return _shared(affine, up, down, _clamped(affine.bias, min=0), relevance, stabilizer)


def alpha_beta(affine: Affine, relevance: Tensor, alpha: float, beta: float, stabilizer: float) -> Tensor:
    """`alpha` of what raises the sum less `beta` of what lowers it, `alpha - beta = 1`. Per value (Bach 2015)."""
    raised = z_plus(affine, relevance, stabilizer)
    if beta == 0:
        return alpha * raised
    up, down = affine.weight.clamp(min=0), affine.weight.clamp(max=0)
    lowered = _shared(affine, down, up, _clamped(affine.bias, max=0), relevance, stabilizer)
    return alpha * raised - beta * lowered


def gamma(affine: Affine, z: Tensor, relevance: Tensor, factor: float, stabilizer: float) -> Tensor:
    """What has the sign of the sum counts `1 + factor` times. Relevance per value.

    On values that are not negative this is the rule of Montavon et al. 2019; with either sign the generalised one of
    Andeol et al. 2021.
    """
    weight, bias = affine.weight, affine.bias
    up, down = weight + factor * weight.clamp(min=0), weight + factor * weight.clamp(max=0)
    found = torch.zeros_like(affine.x)
    for side, one, other, low, high in ((z > 0, up, down, 0.0, None), (z < 0, down, up, None, 0.0)):
        share = torch.where(side, relevance, 0.0)
        if share.any():
            more = None if bias is None else bias + factor * bias.clamp(min=low, max=high)
            found = found + _shared(affine, one, other, more, share, stabilizer)
    return found


def z_box(affine: Affine, low: Tensor, high: Tensor, relevance: Tensor, stabilizer: float) -> Tensor:
    """Every input as it lies between its least and its greatest value. Relevance itself (Montavon et al. 2017).

    Args:
        affine: reads the input of the network.
        low, high: broadcast to `x`.
        relevance: of the outputs.
        stabilizer: moves the sums away from zero.
    """
    x, weight = affine.x, affine.weight
    low, high = low.to(x).expand_as(x), high.to(x).expand_as(x)
    up, down = weight.clamp(min=0), weight.clamp(max=0)
    outs, pull = _responses(affine.apply, [(x, weight, None), (low, up, None), (high, down, None)])
    share = relevance / stabilized(outs[0] - outs[1] - outs[2], stabilizer)
    middle, least, most = pull([share] * 3)
    return x * middle - low * least - high * most


def flat(affine: Affine, read: Tensor, relevance: Tensor, stabilizer: float) -> Tensor:
    """Every input that is read counts the same. Relevance itself (Lapuschkin et al. 2019).

    Args:
        affine: reads the input of the network.
        read: one for every element of the input, zero for padding around it, of the shape of `x`.
        relevance: of the outputs.
        stabilizer: moves the sums away from zero.
    """
    return _by_weight(affine, read, torch.ones_like(affine.weight), None, relevance, stabilizer)


def w_square(affine: Affine, read: Tensor, relevance: Tensor, stabilizer: float) -> Tensor:
    """Every input counts by its squared weight. Relevance itself (Montavon et al. 2017); arguments as of `flat`."""
    bias = None if affine.bias is None else affine.bias.square()
    return _by_weight(affine, read, affine.weight.square(), bias, relevance, stabilizer)


def _by_weight(
    affine: Affine, read: Tensor, weight: Tensor, bias: Tensor | None, relevance: Tensor, stabilizer: float
) -> Tensor:
    outs, pull = _responses(affine.apply, [(read, weight, bias)])
    return read * pull([relevance / stabilized(outs[0], stabilizer)])[0]


def _shared(
    affine: Affine, positive: Tensor, negative: Tensor, bias: Tensor | None, relevance: Tensor, stabilizer: float
) -> Tensor:
    """Shares of what positive inputs make through one weight and negative inputs through another, per value."""
    terms = [(affine.x.clamp(min=0), positive, bias)]
    if (affine.x < 0).any():
        terms.append((affine.x.clamp(max=0), negative, None))
    outs, pull = _responses(affine.apply, terms)
    share = relevance / stabilized(sum(outs[1:], outs[0]), stabilizer)
    found = pull([share] * len(outs))
    return found[0] if len(found) == 1 else torch.where(affine.x < 0, found[1], found[0])


def _clamped(bias: Tensor | None, **limits: float) -> Tensor | None:
    return None if bias is None else bias.clamp(**limits)  # pyright: ignore[reportCallIssue, reportArgumentType]


def _responses(
    apply: Callable[[Tensor, Tensor, Tensor | None], Tensor], terms: Sequence[tuple[Tensor, Tensor, Tensor | None]]
) -> tuple[list[Tensor], Callable[[list[Tensor]], tuple[Tensor, ...]]]:
    """What each term gives, and the way back to its values."""
    with torch.enable_grad():
        leaves = [x.detach().clone().requires_grad_() for x, _, _ in terms]
        outs = [apply(leaf, weight, bias) for leaf, (_, weight, bias) in zip(leaves, terms, strict=True)]

    def pull(shares: list[Tensor]) -> tuple[Tensor, ...]:
        return torch.autograd.grad(outs, leaves, shares)

    return [out.detach() for out in outs], pull
