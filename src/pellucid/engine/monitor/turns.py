"""When a step of training is over: once every optimizer that takes part has had its turn."""

from collections.abc import Iterable

from torch.optim import Optimizer

PAUSE = 8  # steps: who has not stepped for so long is not waited for


class Turns:
    """Who has stepped in the step of training that is under way.

    Args:
        named: optimizers that take part from the beginning.
        step: number of the first step.
    """

    def __init__(self, named: Iterable[Optimizer], step: int) -> None:
        self.last = {id(one): step for one in named}
        self.stepped: set[int] = set()

    def again(self, optimizer: Optimizer) -> bool:
        """Whether it has had its turn: then another step of training is under way."""
        return id(optimizer) in self.stepped

    def is_late(self, optimizer: Optimizer) -> bool:
        """Whether it was never met, and steps after the others: its turn is of the step that just ended."""
        return bool(self.last) and id(optimizer) not in self.last and not self.stepped

    def take(self, optimizer: Optimizer, step: int) -> bool:
        """It has had its turn in a step; whether that was the last one."""
        self.last[id(optimizer)] = step
        self.stepped.add(id(optimizer))
        return self.stepped >= {one for one, last in self.last.items() if step - last <= PAUSE}
