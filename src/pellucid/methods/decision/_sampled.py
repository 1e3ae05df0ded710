"""Gradients at random points between random baselines and the input, gathered at one or several cuts."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pellucid.engine.passes import Layer, Looking
from pellucid.engine.targets.target import Target
from pellucid.methods.decision._cut import Cut, Points, below
from pellucid.methods.decision._draws import Drawn
from pellucid.methods.decision._integral import total
from pellucid.ops.precision import in_double


@dataclass(eq=False)
class Work:
    """What has been gathered at one cut.

    Args:
        sums: of gradient times way over the samples.
        totals: of each sample, over all elements, `(batch,)`.
        scores: of each distinct baseline, `(batch,)`.
    """

    cut: Cut
    sums: Points = field(default_factory=dict)
    totals: list[Tensor] = field(default_factory=list)
    scores: list[Tensor] = field(default_factory=list)


def _starts(
    work: Sequence[Work], where: Layer, drawn: Drawn, some: Sequence[int]
) -> Looking[list[tuple[Work, Cut, Points]]]:
    cuts = [one.cut.copied(len(some)) for one in work]
    points = drawn.baselines(some)
    starts = yield from below(cuts, where, cuts[0].x.replaced(points), points)
    return list(zip(work, cuts, starts, strict=True))


def score(work: Sequence[Work], where: Layer, drawn: Drawn, some: Sequence[int], target: Target) -> Looking[None]:
    """The scores of the baselines of some samples."""
    for one, cut, start in (yield from _starts(work, where, drawn, some)):
        seen = yield from cut.passing(start, 1, target)
        one.scores += in_double(seen.scores).cpu().split(one.cut.x.size)


def sample(work: Sequence[Work], where: Layer, drawn: Drawn, some: range, target: Target) -> Looking[None]:
    """The gradients at the points of some samples, times their ways."""
    step = (some.start, len(drawn.alphas))
    alphas = torch.tensor([drawn.alphas[i] for i in some], dtype=torch.float64)
    for one, cut, start in (yield from _starts(work, where, drawn, some)):
        ways = {name: end - start[name] for name, end in cut.ends.items()}
        shares = alphas.repeat_interleave(one.cut.x.size)
        points = {
            name: start[name] + shares.to(way).reshape(-1, *[1] * (way.ndim - 1)) * way for name, way in ways.items()
        }
        gradients = yield from cut.gradients(points, 1, target, step=step)
        values = {
            name: (gradient * ways[name]).float() if gradient.element_size() < 4 else gradient * ways[name]
            for name, gradient in gradients.items()
        }
        one.totals += total(values).split(one.cut.x.size)
        for name, value in values.items():
            added = value.unflatten(0, (len(some), one.cut.x.size)).sum(0)
            one.sums[name] = one.sums[name] + added if name in one.sums else added
