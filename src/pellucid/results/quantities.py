"""What the operations of a graph cost or gave, as far as their records know it: one number for each, and its unit."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from pellucid.results import spell

Node = Mapping[str, Any]


def _part(node: Node, record: str, key: str) -> float | None:
    held = node.get(record)
    value = held.get(key) if isinstance(held, Mapping) else None
    return None if value is None else float(value)


def _number(node: Node, key: str) -> float | None:
    value = node.get(key)
    return None if value is None else float(value)


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


def arithmetic(value: float) -> str:
    """`3.6 GFLOP`, `12 FLOP`."""
    words = spell.count(value)
    return f"{words}FLOP" if words[-1:].isalpha() else f"{words} FLOP"


@dataclass(frozen=True)
class Quantity:
    """One quantity.

    Args:
        of: its number at one node, or None where the record lacks it.
        together: the number of a module from those of its operations, in execution order.
        spelled: a number with its unit.
        measured: whether it is a size that may differ by powers of ten, rather than something that is spent.
        most: the greatest number that there can be, or None.
    """

    of: Callable[[Node], float | None]
    together: Callable[[Sequence[float]], float]
    spelled: Callable[[float], str]
    measured: bool = False
    most: float | None = None


QUANTITIES: dict[str, Quantity] = {
    "parameters": Quantity(lambda node: _number(node, "parameters"), math.fsum, spell.count),
    "flops": Quantity(lambda node: _number(node, "flops"), math.fsum, arithmetic),
    "memory": Quantity(lambda node: _number(node, "memory"), math.fsum, size),
    "time": Quantity(lambda node: _number(node, "time"), math.fsum, seconds),
    "activation": Quantity(lambda node: _part(node, "value", "rms"), _last, spell.number, measured=True),
    "gradient": Quantity(lambda node: _part(node, "gradient", "rms"), _last, spell.number, measured=True),
    "dead": Quantity(lambda node: _part(node, "value", "dead"), max, spell.percent, most=1.0),
    "kept": Quantity(lambda node: _number(node, "kept"), fmean, spell.percent, most=1.0),
}


def known(nodes: Iterable[Node]) -> list[str]:
    """The quantities that some node has."""
    held = list(nodes)
    return [name for name, one in QUANTITIES.items() if any(one.of(node) is not None for node in held)]


def total(nodes: Iterable[Node], name: str) -> float | None:
    """The number of the whole graph, or None where no node has it."""
    quantity = QUANTITIES[name]
    held = [value for node in nodes if (value := quantity.of(node)) is not None]
    return quantity.together(held) if held else None
