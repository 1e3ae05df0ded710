"""DeepLIFT's multipliers: what an operation hands down so that contributions keep their sum.

Everything is there twice, for the input and for the baseline. The multiplier `m` of an operation `y = f(v)` and what
arrived at `y` fulfil `Σ m Δv = Σ arrived Δy`, where `Δ` is the input's value less the baseline's. Element-wise
functions take `Δy / Δv` (the rescale rule); products give each factor its share at the mean of the other (the Shapley
value of two); softmax and normalisations are taken apart into these.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

NEAR = 1e-10
Function = Callable[..., Tensor]


class Two(NamedTuple):
    """A tensor as the input makes it, and as the baseline makes it; alike in shape."""

    x: Tensor
    b: Tensor

    @property
    def difference(self) -> Tensor:
        """`x − b`."""
        return self.x - self.b

    @property
    def mean(self) -> Tensor:
        """`(x + b) / 2`."""
        return (self.x + self.b) / 2

    def of(self, function: Function) -> "Two":
        """A function of each."""
        return Two(function(self.x), function(self.b))


def rescaled(v: Two, y: Two, arrived: Tensor, own: Tensor) -> Tensor:
    """An element-wise function: `arrived Δy / Δv`.

    Args:
        v, y: what went in, and what came out.
        arrived: the multiplier of `y`.
        own: what the gradient would be; taken where `Δv` is nothing beside `v`.
    """
    step = v.difference
    same = step.abs() <= NEAR * torch.maximum(v.x.abs(), v.b.abs())
    return torch.where(same, own.to(step), arrived.to(step) * y.difference / torch.where(same, 1.0, step))


def at_mean(function: Function, values: Sequence[Two], which: int, arrived: Tensor) -> Tensor:
    """A bilinear function, such as a product: the gradient for one factor, the other held at its mean."""
    factors = [one.mean.requires_grad_(i == which) for i, one in enumerate(values)]
    with torch.enable_grad():
        out = function(*factors)
    return torch.autograd.grad(out, factors[which], arrived.to(out))[0]


def quotient(over: Two, under: Two, which: int, arrived: Tensor) -> Tensor:
    """`over / under`, of one shape or broadcast: `over` times the reciprocal of `under`."""
    inverse = under.of(torch.reciprocal)
    if which == 0:
        return _summed(arrived * inverse.mean, over.x)
    return _summed(-arrived * over.mean * inverse.x * inverse.b, under.x)


def _summed(value: Tensor, like: Tensor) -> Tensor:
    return value.sum_to_size(like.shape) if value.shape != like.shape else value


def winners(function: Function, values: Sequence[Two], which: int, arrived: Tensor, *, lowest: bool = False) -> Tensor:
    """A maximum over windows (pooling) or of several tensors: each difference goes to one winner.

    Where the maximum rose, to the winner of the input; where it fell, to the winner of the baseline. That one moved at
    least as far, so the multiplier lies between nothing and `arrived`. Sums are kept whatever windows overlap.

    Args:
        function: the maximum; must not write.
        values: its arguments.
        which: the argument that is asked for.
        lowest: it is a minimum.
    """
    ends = [[one[end].detach().requires_grad_(i == which) for i, one in enumerate(values)] for end in (0, 1)]
    with torch.enable_grad():
        y = Two(*(function(*end) for end in ends))
    change = y.difference.detach()
    rose = (change < 0) if lowest else (change > 0)
    arrived = arrived.to(change)
    step = values[which].difference
    found = torch.zeros_like(step)
    zero = torch.zeros_like(arrived)
    for out, end, moved in ((y.x, ends[0], rose), (y.b, ends[1], ~rose & (change != 0))):
        share = torch.autograd.grad(out, end[which], torch.where(moved, arrived * change, zero), retain_graph=True)[0]
        found += torch.where(share != 0, share / torch.where(step == 0, 1.0, step), 0.0)
    still = torch.autograd.grad(y.x, ends[0][which], torch.where(change == 0, arrived, zero))[0]
    return found + still


def softmax(scores: Two, axis: int, arrived: Tensor) -> Tensor:
    """Softmax along an axis, as it is computed: scores less the highest, exponentials, their sum, a quotient.

    Positions at −∞ get nothing.
    """
    e, slope = _exponentials(scores, axis)
    total = e.of(lambda one: one.sum(axis, keepdim=True))
    inverse = total.of(lambda one: torch.where(one > 0, 1 / one, 0.0))
    through_sum = (arrived * e.mean).sum(axis, keepdim=True) * inverse.x * inverse.b
    return _less_the_highest(scores, axis, (arrived * inverse.mean - through_sum) * slope)


def log_softmax(scores: Two, axis: int, arrived: Tensor) -> Tensor:
    """Scores less the highest, less the logarithm of the sum of their exponentials."""
    e, slope = _exponentials(scores, axis)
    total = e.of(lambda one: one.sum(axis, keepdim=True))
    logarithm = rescaled(total, total.of(torch.log), torch.ones_like(total.x), 1 / total.x)
    return _less_the_highest(scores, axis, arrived - arrived.sum(axis, keepdim=True) * logarithm * slope)


def _top(scores: Tensor, axis: int) -> Tensor:
    top = scores.amax(axis, keepdim=True)
    return torch.where(top.isfinite(), top, 0.0)


def _exponentials(scores: Two, axis: int) -> tuple[Two, Tensor]:
    """`exp` of the scores less the highest, and its `Δexp / Δ`. Without that, ends far apart would cancel hugely."""
    v = scores.of(lambda one: one - _top(one, axis))
    e = v.of(torch.exp)
    step = torch.where(v.x.isfinite() & v.b.isfinite(), v.x - v.b, 0.0)
    near = step.abs() < 1
    short = torch.where(near & (step != 0), step, 1.0)
    slope = torch.where(step == 0, 1.0, torch.expm1(short) / short) * e.b
    return e, torch.where(near, slope, (e.x - e.b) / torch.where(near, 1.0, step))


def _less_the_highest(scores: Two, axis: int, passed: Tensor) -> Tensor:
    """From the multipliers of the shifted scores to those of the scores."""
    highest = -passed.sum(axis, keepdim=True)
    return passed + winners(lambda one: _top(one, axis), [scores], 0, highest)


def standardised(
    v: Two, axes: Sequence[int], eps: float, arrived: Tensor, *, centred: bool, floor: bool = False
) -> Tensor:
    """`u / √(mean u² + eps)` over axes, `u` being `v`, less its mean if `centred`: a product and an inverse root.

    Args:
        floor: the root is `max(√Σ u², eps)` instead (a vector of length one).
    """
    axes = tuple(axes)
    u = v.of(lambda one: one - one.mean(axes, keepdim=True)) if centred else v
    count = 1 if floor else u.x.numel() // max(1, u.x.sum(axes).numel())
    square = u.of(lambda one: one.square().sum(axes, keepdim=True) / count)
    root = square.of(lambda one: one.sqrt().clamp(min=eps) if floor else (one + eps).sqrt())
    inverse = root.of(torch.reciprocal)
    fixed = floor & (root.x <= eps) & (root.b <= eps)
    slope = torch.where(fixed, 0.0, -inverse.x * inverse.b / (root.x + root.b))
    if floor and bool(((root.x <= eps) != (root.b <= eps)).any()):
        slope = rescaled(square, inverse, torch.ones_like(slope), slope)
    by_size = (arrived * u.mean).sum(axes, keepdim=True) * slope * 2 * u.mean / count
    passed = arrived * inverse.mean + by_size
    return passed - passed.mean(axes, keepdim=True) if centred else passed


def attention(q: Two, k: Two, v: Two, which: int, arrived: Tensor, *, scale: float, mask: Two | None) -> Tensor:
    """Scaled dot-product attention: a product, softmax over keys, a product.

    Args:
        q, k, v: `(batch, head, token, feature)`.
        mask: added to the scores, −∞ where a key is hidden.
    """
    scores = Two(*(one_q @ one_k.transpose(-1, -2) * scale for one_q, one_k in zip(q, k, strict=True)))
    if mask is not None:
        scores = Two(scores.x + mask.x, scores.b + mask.b)
    if which == 2:
        weights = scores.of(lambda one: torch.softmax(one, -1).nan_to_num(0.0))
        return weights.mean.transpose(-1, -2) @ arrived
    passed = softmax(scores, -1, arrived @ v.mean.transpose(-1, -2)) * scale
    return passed @ k.mean if which == 0 else passed.transpose(-1, -2) @ q.mean
