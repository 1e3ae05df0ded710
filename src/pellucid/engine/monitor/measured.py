"""One step that was measured, on its way to the host."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from pellucid.engine.monitor.activations import Activations
from pellucid.engine.monitor.sample import Row
from pellucid.engine.monitor.transfer import Transfer


@dataclass(eq=False)
class Measured:
    """One step that was measured, on its way to the host."""

    step: int
    seconds: float
    everything: bool
    transfer: Transfer = field(default_factory=Transfer)
    facts: dict[str, float] = field(default_factory=dict)
    activations: Activations | None = None

    def visitor(
        self, row: Callable[[Row, Any], int], guard: Callable[[Callable[[], None]], None], *, trace: bool
    ) -> Activations:
        """What measures the activations of this step, in all its forwards; arguments as of `Activations`."""
        if self.activations is None:
            self.activations = Activations(self.transfer, row, guard, trace=trace)
        return self.activations


def note_rates(measured: Measured, optimizer: Optimizer, before: int) -> None:
    """The learning rate of every group: `rate.GROUP`, of further optimizers in one step `rate.OPTIMIZER.GROUP`.

    Args:
        before: how many optimizers have stepped in this step.
    """
    for i, group in enumerate(optimizer.param_groups):
        name, rate = f"rate.{before}.{i}" if before else f"rate.{i}", group.get("lr", math.nan)
        if isinstance(rate, Tensor):
            measured.transfer.add(("fact", name), rate)
        else:
            measured.facts[name] = float(rate)
