"""What is known of the concepts of a class over all of its samples, in falling order of importance."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.methods.feature._concepts.bank import Bank
from pellucid.methods.feature._concepts.pieces import Pieces
from pellucid.methods.feature._concepts.weighed import Weighed


@dataclass(frozen=True, eq=False)
class Judged:
    """Concepts, the most important first; tensors are `(concept,)` in double precision.

    Args:
        bank: the concepts.
        pieces: what they were made of.
        each: what was found of every sample.
        total: mean of the total Sobol indices over the samples in which the score moves.
        error: its standard error: of the mean over samples; of a single sample that of its own estimate.
        alone: mean of what the concept explains by itself.
        drop: mean of how far the score falls without it.
        acting_error: standard error of the sum of `total`.
        flat: samples in which no mask moves the score.
    """

    bank: Bank
    pieces: Pieces
    each: tuple[Weighed, ...]
    total: Tensor
    error: Tensor
    alone: Tensor
    drop: Tensor
    acting_error: float
    flat: int

    @property
    def acting(self) -> float:
        """What the total indices sum to; above 1 by what concepts do only together."""
        return float(self.total.sum())

    @property
    def rebuilt(self) -> float:
        """Share of the squared layer that the concepts rebuild, mean over samples."""
        return sum(one.rebuilt for one in self.each) / len(self.each)

    @property
    def scores(self) -> tuple[float, float]:
        """Mean score of the layer as it is, and as the concepts rebuild it."""
        count = len(self.each)
        return sum(one.score for one in self.each) / count, sum(one.copied for one in self.each) / count

    @property
    def kept(self) -> tuple[int, int] | None:
        """In how many of the samples the class that scores best stays then; None where there are no classes."""
        told = [one.kept for one in self.each if one.kept is not None]
        return (sum(told), len(told)) if told else None


def judged(bank: Bank, pieces: Pieces, each: Sequence[Weighed], where: str) -> Judged:
    """Put the concepts in order.

    Raises:
        NotApplicable: no concept moves the score of any sample.
    """
    moving = [one.indices for one in each if one.indices.variance > 0]
    if not moving:
        raise NotApplicable(
            Text(
                f"the score does not move, however the concepts of '{where}' are masked",
                f"无论怎样遮住 '{where}' 的概念，得分都不变",
            ),
            hint=Text(
                "a layer that the score is made of; of a transformer one before its last attention",
                "请取得分由其算出的层；对 Transformer 请取最后一个注意力之前的层",
            ),
        )
    totals = torch.stack([one.total for one in moving])
    total = totals.mean(0)
    several = len(moving) > 1
    error = totals.std(0) / len(moving) ** 0.5 if several else moving[0].error
    of_sum = float(totals.sum(1).std()) / len(moving) ** 0.5 if several else moving[0].sum_error
    alone = torch.stack([one.alone for one in moving]).mean(0)
    drop = torch.stack([one.drops for one in each]).mean(0)
    order = total.argsort(descending=True, stable=True)
    ordered = tuple(replace(one, coefficients=one.coefficients[:, order]) for one in each)
    flat = len(each) - len(moving)
    return Judged(
        bank.ordered(order), pieces, ordered, total[order], error[order], alone[order], drop[order], of_sum, flat
    )
