"""Shapley values against the plain definition over all orders."""

from itertools import permutations

import pytest
import torch
from torch import Tensor

from pellucid.ops.coalitions import all_coalitions, marginals, prefixes, shapley_exact


def game(players: int, seed: int = 0) -> Tensor:
    return torch.randn(2**players, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_orders(scores: Tensor, players: int) -> Tensor:
    """The mean over every order of what a player adds when it joins."""
    total = torch.zeros(players, dtype=torch.float64)
    orders = list(permutations(range(players)))
    for order in orders:
        inside = 0
        for player in order:
            total[player] += scores[inside | 1 << player] - scores[inside]
            inside |= 1 << player
    return total / len(orders)


@pytest.mark.parametrize("players", [1, 2, 3, 5, 6])
def test_exact_is_the_mean_over_all_orders(players: int) -> None:
    scores = game(players)
    assert torch.allclose(shapley_exact(scores, players), by_orders(scores, players), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("players", [1, 4, 12])
def test_efficiency(players: int) -> None:
    scores = game(players)
    assert float(shapley_exact(scores, players).sum() - (scores[-1] - scores[0])) == pytest.approx(0, abs=1e-11)


def test_coalitions_are_numbered_by_their_bits() -> None:
    inside = all_coalitions(3)
    assert inside[5].tolist() == [True, False, True] and not inside[0].any() and inside[-1].all()
    assert len(inside.unique(dim=0)) == 8


def test_marginals_along_an_order() -> None:
    players, order = 4, torch.tensor([2, 0, 3, 1])
    scores, shown = game(players), prefixes(order)
    assert shown.tolist() == [[0, 0, 1, 0], [1, 0, 1, 0], [1, 0, 1, 1]]
    codes = (shown.long() << torch.arange(players)).sum(1)
    gains = marginals(order, scores[codes], float(scores[0]), float(scores[-1]))
    assert float(gains[2]) == float(scores[4] - scores[0])
    assert float(gains[1]) == float(scores[15] - scores[13])
    assert float(gains.sum()) == pytest.approx(float(scores[-1] - scores[0]), abs=1e-13)


def test_one_player_takes_all() -> None:
    assert prefixes(torch.tensor([0])).shape == (0, 1)
    assert marginals(torch.tensor([0]), torch.empty(0), 1.0, 3.5).tolist() == [2.5]
