"""Values of the players of a game, from the scores of coalitions (Shapley 1953)."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def all_coalitions(players: int) -> Bool[Tensor, "coalition player"]:
    """Every subset: row number `k` holds the players that are set in the bits of `k`; the last row holds all."""
    rows = torch.arange(2**players)
    return (rows[:, None] >> torch.arange(players)) % 2 == 1


def shapley_exact(scores: Float[Tensor, " coalition"], players: int) -> Float[Tensor, " player"]:
    """Shapley values from the scores of all coalitions, in the order of `all_coalitions`; float64.

    A coalition S weighs (|S|−1)! (n−|S|)! / n! for its members and −|S|! (n−|S|−1)! / n! for the others.
    """
    inside = all_coalitions(players)
    size = inside.sum(1).double()
    log = torch.lgamma

    def weight(smaller: Tensor) -> Tensor:
        return torch.exp(
            log(smaller + 1) + log(players - smaller) - log(torch.tensor(players + 1.0, dtype=torch.float64))
        )

    gained, missed = weight((size - 1).clamp(min=0)), weight(size.clamp(max=players - 1))
    signed = torch.where(inside, gained[:, None], -missed[:, None])
    return (signed * scores.double()[:, None]).sum(0)


def prefixes(order: Int[Tensor, " player"]) -> Bool[Tensor, "coalition player"]:
    """The coalitions that grow one by one along an order, without the empty and the full one: `(n − 1, n)`."""
    players = len(order)
    rank = torch.empty(players, dtype=torch.long)
    rank[order] = torch.arange(players)
    return rank[None] <= torch.arange(players - 1)[:, None]


def marginals(
    order: Int[Tensor, " player"], scores: Float[Tensor, " coalition"], empty: float, full: float
) -> Float[Tensor, " player"]:
    """What each player added when it joined: its values sum to `full - empty`; float64."""
    ends = torch.tensor([[empty], [full]], dtype=torch.float64)
    gains = torch.cat([ends[0], scores.double(), ends[1]]).diff()
    values = torch.empty(len(order), dtype=torch.float64)
    values[order] = gains
    return values
