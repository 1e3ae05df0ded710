"""Steps up a gradient: Adam, and NAdam, as `torch.optim` has them, whose first step loads its compiler for seconds."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

FIRST, SECOND, SMALL, DECAY = 0.9, 0.999, 1e-8, 0.004


@dataclass(eq=False)
class Ascent:
    """Adaptive steps; parameters are changed in place.

    Args:
        parameters: what moves.
        rate: about how far a step goes.
        ahead: look ahead along the momentum (NAdam).
    """

    parameters: Sequence[Tensor]
    rate: float
    ahead: bool = False
    count: int = 0
    product: float = 1.0
    means: list[Tensor] = field(default_factory=list)
    squares: list[Tensor] = field(default_factory=list)

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor]) -> None:
        """One step up these gradients."""
        if not self.count:
            self.means = [torch.zeros_like(one) for one in gradients]
            self.squares = [torch.zeros_like(one) for one in gradients]
        self.count += 1
        now, following = (self._momentum(number) for number in (self.count, self.count + 1))
        self.product *= now
        parts = zip(self.parameters, gradients, self.means, self.squares, strict=True)
        for parameter, gradient, mean, square in parts:
            mean.lerp_(gradient, 1 - FIRST)
            square.mul_(SECOND).addcmul_(gradient, gradient, value=1 - SECOND)
            spread = (square / (1 - SECOND**self.count)).sqrt_().add_(SMALL)
            if self.ahead:
                parameter.addcdiv_(gradient, spread, value=self.rate * (1 - now) / (1 - self.product))
                parameter.addcdiv_(mean, spread, value=self.rate * following / (1 - self.product * following))
            else:
                parameter.addcdiv_(mean, spread, value=self.rate / (1 - FIRST**self.count))

    def _momentum(self, number: int) -> float:
        return FIRST * (1 - 0.5 * 0.96 ** (number * DECAY))
