"""What the bar in every box of a graph shows: parameters, arithmetic, memory, time, or what was measured there."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pellucid.core.messages import message
from pellucid.core.text import Text
from pellucid.render.collapse import Box
from pellucid.results.quantities import QUANTITIES

Node = Mapping[str, Any]
DECADES = 2.0


@dataclass(frozen=True)
class Overlay:
    """How long the bars are.

    Args:
        values: by number of the box; a box without one has no bar.
        low, high: what an empty and a full bar stand for.
        logarithmic: whether equal lengths are equal factors.
        words: what the bar says.
    """

    values: dict[int, float]
    low: float
    high: float
    logarithmic: bool
    words: Text

    def share(self, number: int) -> float | None:
        """How much of the bar of a box is full, 0 to 1; None: it has no bar."""
        value = self.values.get(number)
        if value is None or not math.isfinite(value) or self.high <= self.low:
            return None
        if not self.logarithmic:
            return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))
        return 0.0 if value <= self.low else min(1.0, math.log(value / self.low) / math.log(self.high / self.low))


def overlay(name: str, nodes: Sequence[Node], boxes: Iterable[Box]) -> Overlay | None:
    """The bars of closed boxes; None where no node has that quantity."""
    measure = QUANTITIES[name]
    by_id = {int(node["id"]): measure.of(node) for node in nodes}
    values: dict[int, float] = {}
    for box in boxes:
        own = [value for member in box.members if (value := by_id[member]) is not None and not math.isnan(value)]
        if own:
            values[box.number] = measure.together(own)
    finite = [value for value in values.values() if math.isfinite(value) and value > 0]
    if not finite:
        return None
    high = measure.most or max(finite)
    logarithmic = measure.measured and high / min(finite) > 10**DECADES
    low = 10 ** math.floor(math.log10(min(finite))) if logarithmic else 0.0
    words = message(
        "graph.bar.log" if logarithmic else "graph.bar",
        what=message(f"graph.overlay.{name}"),
        low=measure.spelled(low),
        high=measure.spelled(high),
    )
    return Overlay(values, low, high, logarithmic, words)
