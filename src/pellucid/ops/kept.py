"""The fewest parts that make up a share of a whole."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

ROUNDING = 1e-12


def fewest(amounts: Float[Tensor, "batch unit"], share: float) -> Bool[Tensor, "batch unit"]:
    """Of each example the smallest set of units whose absolute amounts reach a share of the sum of all.

    A larger share keeps all that a smaller one keeps; 0 keeps nothing, 1 everything but zeros. Of equal amounts the
    first unit goes first.

    Args:
        amounts: finite.
        share: 0 to 1.
    """
    sizes = amounts.abs().double()
    order = sizes.argsort(dim=1, descending=True, stable=True)
    falling = sizes.gather(1, order)
    total = falling.sum(1, keepdim=True)
    before = falling.cumsum(1) - falling
    wanted = (before < share * total * (1 - ROUNDING)) & (falling > 0) if share < 1 else falling > 0
    return torch.zeros_like(wanted).scatter(1, order, wanted)


def chance(kept: Bool[Tensor, "batch unit"], seed: int) -> Bool[Tensor, "batch unit"]:
    """As many units of each example, drawn at random; the same order for every example, so that more hold fewer.

    Args:
        kept: how many is what counts.
        seed: of the order.
    """
    order = torch.randperm(kept.shape[1], generator=torch.Generator().manual_seed(seed))
    rank = order.argsort().to(kept.device)
    return rank[None] < kept.sum(1, keepdim=True)
