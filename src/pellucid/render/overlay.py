"""What the bar in every box of a graph shows: parameters, arithmetic, memory, time, or what was measured there."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pellucid.core.messages import message
from pellucid.core.text import Text
from pellucid.render.collapse import Box
from pellucid.results import spell

Node = Mapping[str, Any]
DECADES = 2.0


def _part(node: Node, record: str, key: str) -> float | None:
    held = node.get(record)
    value = held.get(key) if isinstance(held, Mapping) else None
    return None if value is None else float(value)


def _number(node: Node, key: str) -> float | None:
    value = node.get(key)
    return None if value is None else float(value)


def _added(values: Sequence[float]) -> float:
    return math.fsum(values)


def _last(values: Sequence[float]) -> float:
    return values[-1]


def seconds(value: float) -> str:
    """`1.2 ms`, `340 µs`, `2.1 s`."""
    for size, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= size:
            return f"{spell.number(value / size)} {unit}"
    return f"{spell.number(value * 1e9)} ns"


def size(value: float) -> str:
    """`512 B`, `3.2 MB`, `1.5 GB`: powers of 1,000."""
    for step, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= step:
            return f"{spell.number(value / step)} {unit}"
    return f"{spell.number(value)} B"


@dataclass(frozen=True)
class _Measure:
    """One quantity: of a node, of a box from those of its nodes, and how its numbers are written."""

    of: Callable[[Node], float | None]
    together: Callable[[Sequence[float]], float]
    spelled: Callable[[float], str]
    logarithmic: bool = False
    most: float | None = None


MEASURES: dict[str, _Measure] = {
    "parameters": _Measure(lambda node: _number(node, "parameters"), _added, spell.count),
    "flops": _Measure(lambda node: _number(node, "flops"), _added, lambda value: f"{spell.count(value)}FLOP"),
    "memory": _Measure(lambda node: _number(node, "memory"), _added, size),
    "time": _Measure(lambda node: _number(node, "time"), _added, seconds),
    "activation": _Measure(lambda node: _part(node, "value", "rms"), _last, spell.number, logarithmic=True),
    "gradient": _Measure(lambda node: _part(node, "gradient", "rms"), _last, spell.number, logarithmic=True),
    "dead": _Measure(lambda node: _part(node, "value", "dead"), max, spell.percent, most=1.0),
}


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


def known(nodes: Iterable[Node]) -> list[str]:
    """The quantities that the nodes of a graph have."""
    held = list(nodes)
    return [name for name, one in MEASURES.items() if any(one.of(node) for node in held)]


def overlay(name: str, nodes: Sequence[Node], boxes: Iterable[Box]) -> Overlay | None:
    """The bars of closed boxes; None where no node has that quantity."""
    measure = MEASURES[name]
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
    logarithmic = measure.logarithmic and high / min(finite) > 10**DECADES
    low = 10 ** math.floor(math.log10(min(finite))) if logarithmic else 0.0
    words = message(
        "graph.bar.log" if logarithmic else "graph.bar",
        what=message(f"graph.overlay.{name}"),
        low=measure.spelled(low),
        high=measure.spelled(high),
    )
    return Overlay(values, low, high, logarithmic, words)
