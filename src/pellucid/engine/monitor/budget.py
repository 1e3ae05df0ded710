"""How often to measure: so seldom that measuring takes at most a share of the time that training takes."""

import math
from collections import deque
from statistics import median
from typing import Literal

NOTHING, WEIGHTS, EVERYTHING = 0, 1, 2
Every = int | Literal["auto"]
_FIRST = {0: EVERYTHING, 3: WEIGHTS, 5: EVERYTHING}
_LAST_OF_FIRST = max(_FIRST)


class Budget:
    """Chooses what is measured at each step.

    `N = ceil(c / (share · s))` with the own cost c of a measurement and the time s of a step, both medians of the last
    ones; half of the budget is for measuring everything, the rest for the weights and for what every step costs. No gap
    is longer than the training before it, whatever that costs: short trainings of small networks show something, too.

    Args:
        share: of the time of training.
        every: steps between two measurements, of everything; "auto": by the budget.

    `own` and `whole` are the seconds spent on measuring, and on everything else.
    """

    def __init__(self, share: float = 0.01, every: Every = "auto") -> None:
        self.share, self.every = share, every
        self.plain: deque[float] = deque(maxlen=25)
        self.idle: deque[float] = deque(maxlen=25)
        self.costs = {WEIGHTS: deque[float](maxlen=5), EVERYTHING: deque[float](maxlen=5)}
        self.intervals = (every, every) if every != "auto" else (1, 1)
        self.begun = 0
        self.own = self.whole = 0.0
        self.done = {WEIGHTS: 0, EVERYTHING: 0}

    def level(self, step: int) -> int:
        """What to measure at a step."""
        if isinstance(self.every, int):
            return EVERYTHING if step % self.every == 0 else NOTHING
        count = step - self.begun
        if count <= _LAST_OF_FIRST:
            return _FIRST.get(count, NOTHING)
        whole, last = self.done[EVERYTHING], max(self.done.values())
        if step >= whole + min(self.intervals[1], whole - self.begun):
            return EVERYTHING
        return WEIGHTS if step >= last + min(self.intervals[0], (last - self.begun) // 2) else NOTHING

    def spent(self, step: int, level: int, own: float, whole: float) -> bool:
        """A step is over.

        Args:
            own: seconds that measuring took.
            whole: seconds of the step, measuring included.
        Returns:
            Whether the intervals are other ones now.
        """
        first = step == self.begun  # warms up what will be faster then
        self.own, self.whole = self.own + own, self.whole + whole - own
        if level == NOTHING:
            self.idle.append(own)
        elif not first:
            self.costs[level].append(own)
        if not first:
            self.plain.append(max(whole - own, 1e-9))
        if level != NOTHING:
            self.done[level] = step
        if self.every != "auto" or step - self.begun < _LAST_OF_FIRST or level == NOTHING:
            return False
        return self._estimate()

    def _estimate(self) -> bool:
        step = median(self.plain)
        idle = median(self.idle) if self.idle else 0.0
        left = max(self.share * step - idle, 0.2 * self.share * step)
        cheap, dear = (median(self.costs[level] or [0.0]) for level in (WEIGHTS, EVERYTHING))
        made = max(1, math.ceil(cheap / (0.4 * left))), max(1, math.ceil(dear / (0.6 * left)))
        before, self.intervals = self.intervals, made
        return any(abs(a - b) > 0.2 * b for a, b in zip(made, before, strict=True))
