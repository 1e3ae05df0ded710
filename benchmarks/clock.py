"""CPU seconds of several sides, interleaved, in one process and one thread."""

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import process_time
from typing import Any


@dataclass(frozen=True)
class Times:
    """CPU seconds of each side by round; every round ran all sides once, in turn.

    Args:
        seconds: side → one number per round.
    """

    seconds: Mapping[str, list[float]]

    def median(self, side: str) -> float:
        """Median seconds of a side."""
        return median(self.seconds[side])

    def ratio(self, side: str, other: str) -> tuple[float, float, float]:
        """Median, lowest and highest over the rounds of `side / other`."""
        each = [a / b for a, b in zip(self.seconds[side], self.seconds[other], strict=True)]
        return median(each), min(each), max(each)


def interleaved(sides: Mapping[str, Callable[[], Any]], rounds: int, warm: int = 1) -> Times:
    """Run every side once per round; rounds of warming up are not counted.

    Args:
        sides: name → what is measured; what it returns is dropped before the next side starts.
        rounds: how many are counted.
        warm: how many come before them.
    """
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for index in range(warm + rounds):
        for name, run in sides.items():
            gc.collect()
            began = process_time()
            run()
            spent = process_time() - began
            if index >= warm:
                seconds[name].append(spent)
    return Times(seconds)
