"""The gradient, integrated along a straight way: at given points, or at ever more where the scores are missed most."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.engine.passes import Looking
from pellucid.engine.targets.target import Target
from pellucid.methods.decision._cut import Cut, Points
from pellucid.ops.precision import in_double
from pellucid.ops.quadrature import gauss_legendre

MOST_POINTS, IN_PANEL, ROUNDING = 1024, 2, 1e-6


@dataclass(frozen=True, eq=False)
class Way:
    """From `starts` to what flows at a cut at the input itself.

    Args:
        copies: points that share a pass.
    """

    cut: Cut
    starts: Points
    target: Target
    copies: int

    def at(self, alphas: Sequence[float]) -> Points:
        """The points at these shares of the way, one batch after another."""
        ends = self.cut.ends
        return {
            name: torch.cat([start + alpha * (ends[name] - start) for alpha in alphas])
            for name, start in self.starts.items()
        }

    def gradients(
        self, alphas: Sequence[float], rows: Sequence[int], weights: Sequence[float], into: list[Points]
    ) -> Looking[None]:
        """Add each weighted gradient to the sum `into[row]`."""
        for i in range(0, len(alphas), self.copies):
            some = alphas[i : i + self.copies]
            found = yield from self.cut.gradients(self.at(some), len(some), self.target, step=(i, len(alphas)))
            for name, gradient in found.items():
                parts = gradient.to(into[0][name].dtype).split(self.cut.x.size)
                for row, weight, part in zip(rows[i:], weights[i:], parts, strict=False):
                    into[row][name].add_(part, alpha=weight)

    def scores(self, alphas: Sequence[float]) -> Looking[list[Tensor]]:
        """The target at each of these shares of the way, `(batch,)`, without gradients."""
        found: list[Tensor] = []
        for i in range(0, len(alphas), self.copies):
            some = alphas[i : i + self.copies]
            seen = yield from self.cut.passing(self.at(some), len(some), self.target)
            found += in_double(seen.scores).cpu().split(self.cut.x.size)
        return found

    def zeros(self) -> Points:
        """A sum to begin with."""
        return {
            name: torch.zeros_like(start, dtype=torch.promote_types(start.dtype, torch.float32))
            for name, start in self.starts.items()
        }

    def times(self, sums: Points) -> Points:
        """Averaged gradients times the way."""
        return {name: sums[name] * (end - self.starts[name]) for name, end in self.cut.ends.items()}


def total(values: Points) -> Tensor:
    """The sum over all elements of each example, `(batch,)`, in double precision."""
    return torch.stack([in_double(value.flatten(1)).sum(1).cpu() for value in values.values()]).sum(0)


def missed(gap: Tensor, first: Tensor, last: Tensor) -> float:
    """The largest gap of the batch as a share of the difference of the scores, apart from rounding."""
    rounding = ROUNDING * torch.maximum(first.abs(), last.abs())
    return float(((gap.abs() - rounding).clamp(min=0) / (last - first).abs().clamp(min=1e-30)).max())


def even(way: Way, n_steps: int) -> Looking[Points]:
    """By the Gauss-Legendre rule with `n_steps` points on the whole way."""
    nodes, weights = gauss_legendre(n_steps)
    sums = [way.zeros()]
    yield from way.gradients(nodes, [0] * n_steps, weights, sums)
    return way.times(sums[0])


@dataclass(eq=False)
class _Panel:
    """A part of the way with the scores at its ends; `values` and `gap` once it is integrated."""

    low: float
    high: float
    below: Tensor
    above: Tensor
    values: Points
    gap: Tensor


def refined(way: Way, ends: tuple[Tensor, Tensor], n_steps: int, tolerance: float) -> Looking[tuple[Points, int]]:
    """By Gauss-Legendre rules on panels, dense near the baseline; those that miss their scores most are halved.

    Args:
        way: what to integrate along.
        ends: the scores at the start and at the end, `(batch,)`.
        n_steps: points to begin with.
        tolerance: largest gap as a share of the difference of the scores, in every example.
    Returns:
        The attribution, and at how many points the gradient was taken.
    """
    each = min(n_steps, IN_PANEL)
    count = max(1, n_steps // each)
    borders = [(2 ** (8 * i / count) - 1) / 255 for i in range(count + 1)]
    inner = yield from way.scores(borders[1:-1])
    scores = [ends[0], *inner, ends[1]]
    fresh = [_Panel(borders[i], borders[i + 1], scores[i], scores[i + 1], way.zeros(), ends[0]) for i in range(count)]
    panels: list[_Panel] = []
    points = 0
    while True:
        yield from _integrate(way, fresh, each)
        panels, points = [*panels, *fresh], points + each * len(fresh)
        gap = torch.stack([one.gap for one in panels]).sum(0)
        if missed(gap, *ends) <= tolerance or points >= MOST_POINTS:
            break
        shares = [missed(one.gap, *ends) for one in panels]
        worst = [one for one, share in zip(panels, shares, strict=True) if share >= max(shares) / 2]
        panels = [one for one in panels if one not in worst]
        middles = yield from way.scores([(one.low + one.high) / 2 for one in worst])
        fresh = []
        for one, score in zip(worst, middles, strict=True):
            middle = (one.low + one.high) / 2
            fresh.append(_Panel(one.low, middle, one.below, score, way.zeros(), one.gap))
            fresh.append(_Panel(middle, one.high, score, one.above, way.zeros(), one.gap))
    return {name: torch.stack([one.values[name] for one in panels]).sum(0) for name in way.starts}, points


def _integrate(way: Way, panels: Sequence[_Panel], each: int) -> Looking[None]:
    nodes, weights = gauss_legendre(each)
    alphas = [one.low + (one.high - one.low) * node for one in panels for node in nodes]
    shares = [(one.high - one.low) * weight for one in panels for weight in weights]
    rows = [row for row in range(len(panels)) for _ in nodes]
    yield from way.gradients(alphas, rows, shares, [one.values for one in panels])
    for one in panels:
        one.values = way.times(one.values)
        one.gap = total(one.values) - (one.above - one.below)
