"""Shapley values of one example: exactly from all coalitions, or from random orders."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.engine.passes import Looking
from pellucid.inputs.groups import Groups
from pellucid.methods.decision._coalitions import Game, covered_scores
from pellucid.ops.coalitions import all_coalitions, marginals, prefixes, shapley_exact
from pellucid.ops.draws import generator

FEWEST = 4


@dataclass(frozen=True, eq=False)
class Shared:
    """One example: values, standard errors, the score of the covered input, orders drawn (0 where exact)."""

    values: Tensor
    errors: Tensor
    empty: float
    orders: int


def shared_exactly(game: Game, cut: Groups, example: int) -> Looking[Shared]:
    count = cut.count[example]
    inside = all_coalitions(count)
    scores = yield from covered_scores(game, cut, example, ~inside[:-1], 0, len(inside) - 1)
    values = shapley_exact(torch.cat([scores, scores.new_tensor([game.full(example)])]), count)
    return Shared(values, torch.zeros_like(values), float(scores[0]), 0)


def shared_by_orders(
    game: Game, cut: Groups, example: int, n_samples: int, tolerance: float | None, seed: int
) -> Looking[Shared]:
    """Pairs of an order and its reverse; as many pairs at once as fill a pass."""
    count, pairs = cut.count[example], -(-n_samples // 2)
    nothing = torch.ones(1, count, dtype=torch.bool)
    total, done = 2 * pairs * (count - 1) + 1, 1
    empty = float((yield from covered_scores(game, cut, example, nothing, 0, total)))
    each: list[Tensor] = []
    at_once = max(1, game.rows // (2 * (count - 1)))
    for start in range(0, pairs, at_once):
        some = range(start, min(start + at_once, pairs))
        forth = [torch.randperm(count, generator=generator(seed, i)) for i in some]
        orders = [order for one in forth for order in (one, one.flip(0))]
        off = torch.cat([~prefixes(order) for order in orders])
        scores = yield from covered_scores(game, cut, example, off, done, total)
        done += len(off)
        gains = [
            marginals(order, part, empty, game.full(example))
            for order, part in zip(orders, scores.split(count - 1), strict=True)
        ]
        for a, b in zip(gains[::2], gains[1::2], strict=True):
            each.append((a + b) / 2)
            if tolerance is not None and len(each) >= FEWEST and noise(*_moments(each)) <= tolerance:
                return Shared(*_moments(each), empty, 2 * len(each))
    return Shared(*_moments(each), empty, 2 * len(each))


def _moments(each: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Mean, and its standard error (that of one pair is not known, and told as the value itself)."""
    stacked = torch.stack(each)
    mean = stacked.mean(0)
    return mean, stacked.std(0) / len(each) ** 0.5 if len(each) > 1 else mean.abs()


def noise(values: Tensor, errors: Tensor) -> float:
    """Mean standard error as a share of the largest value."""
    return float(errors.mean() / values.abs().max().clamp(min=1e-30))
