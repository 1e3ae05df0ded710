"""From scalars that arrived to samples of a run; and what they tell of where non-finite values were born."""

import math
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from torch import Tensor

from pellucid.engine.monitor.births import born_behind
from pellucid.engine.monitor.measured import Measured
from pellucid.engine.monitor.parameters import Parameters, owner
from pellucid.engine.monitor.sample import Birth, Item, Logged, Row, Sample, Told
from pellucid.engine.monitor.transfer import Transfer

SQUARED = ("gradient", "weight", "update")
COUNTED = ("bad_gradient", "bad_weight")
MOST_WAITING = 64
SKIPPED = "skipped"  # a fact: the loss scaler called no optimizer


class Collector:
    """Knows every place by its number, and turns what was measured into items.

    Args:
        put: takes them.
        parameters: of the model.
    """

    def __init__(self, put: Callable[[Item], None], parameters: Parameters) -> None:
        self.put = put
        self.rows: list[Row] = list(parameters.rows.values())
        self.numbers: dict[Any, int] = {(path, 0): i for i, path in enumerate(parameters.rows)}
        self.owners = {name: self.numbers[owner(name), 0] for name in parameters.named}
        self.told, self.order = 0, list[int]()
        self.waiting: deque[Measured] = deque()
        self.scalars: list[tuple[int, str, Tensor]] = []
        self.moving: deque[list[tuple[int, str, Tensor]]] = deque()
        self.born = False
        self.clean: int | None = None
        self.spoiled: set[int] = set()

    def row(self, row: Row, key: Any) -> int:
        """The number of a place; a new one is taken in."""
        number = self.numbers.get(key)
        if number is None:
            number = self.numbers[key] = len(self.rows)
            self.rows.append(row)
        return number

    def tell(self) -> None:
        """Make known what places there are, and in what order they run."""
        new, self.told = tuple(self.rows[self.told :]), len(self.rows)
        if new or self.order:
            self.put(Told(rows=new, order=tuple(self.order)))

    def log(self, step: int, metrics: dict[str, Any], node: int) -> None:
        """Metrics of a step; those on a device are read later.

        Args:
            node: sequence number of the graph's node that gave the output of the model.
        """
        for name, value in metrics.items():
            if isinstance(value, Tensor):
                if name_of_loss(name) and not self.born and value.device.type == "cpu" and not _finite(value):
                    behind = born_behind(value, node) if value.grad_fn is not None and node else ""
                    self.bear(Birth(step, "loss", behind, "loss"))
                if value.device.type != "cpu":
                    self.scalars.append((step, name, value.detach().clone()))
                    continue
                value = value.detach().item()
            self.logged(step, name, float(value))

    def logged(self, step: int, name: str, value: float) -> None:
        """One metric, on the host."""
        if not math.isfinite(value) and not self.born and (name == "" or name_of_loss(name)):
            layer, how = ("output", "forward") if name == "" else ("loss", "loss")
            self.bear(Birth(step, layer, "", how, self.clean))  # pyright: ignore[reportArgumentType]
        if name:
            self.put(Logged(step, name, value))

    def bear(self, birth: Birth) -> None:
        """The first place of its kind is told."""
        if birth.direction == "scale":
            if birth.step not in self.spoiled:
                self.spoiled.add(birth.step)
                self.put(birth)
        elif not self.born:
            self.born = True
            self.put(birth)

    def take(self, measured: Measured) -> None:
        """A step is over; what it measured starts its way."""
        measured.transfer.start()
        if measured.activations is not None and measured.activations.order != self.order:
            self.order = measured.activations.order
            self.tell()
        self.waiting.append(measured)

    def collect(self, *, wait: bool = False) -> None:
        """Take in what has arrived; all that is left, where it is waited for."""
        if self.scalars and (wait or len(self.scalars) >= MOST_WAITING or self.waiting):
            moved = Transfer()
            for i, (_, _, value) in enumerate(self.scalars):
                moved.add(i, value.reshape(-1)[:1].sum())
            self.waiting.append(Measured(-1, 0.0, everything=False, transfer=moved.start()))
            self.moving.append(self.scalars)
            self.scalars = []
        while self.waiting and (wait or self.waiting[0].transfer.ready):
            one = self.waiting.popleft()
            values = one.transfer.read()
            if one.step < 0:
                for i, (step, name, _) in enumerate(self.moving.popleft()):
                    self.logged(step, name, values[i])
            else:
                self._sample(one, values)

    def _sample(self, one: Measured, values: dict[Any, float]) -> None:
        facts = {**one.facts, **{key[1]: value for key, value in values.items() if key[0] == "fact"}}
        columns: dict[str, np.ndarray] = {}
        met: set[tuple[str, int]] = set()
        for (statistic, which), value in values.items():
            if statistic in ("fact", "trace"):
                continue
            number = self.owners[which] if isinstance(which, str) else which
            column = columns.setdefault(statistic, np.full(len(self.rows), np.nan))
            first = (statistic, number) not in met
            met.add((statistic, number))
            if statistic in SQUARED:
                column[number] = value if first else math.hypot(column[number], value)
            elif statistic in COUNTED:
                column[number] = _zero(column[number]) + value
            else:
                column[number] = value
        if "flow" in columns and facts.get("scale", 0.0) > 0:
            columns["flow"] = columns["flow"] / facts["scale"]
        self.put(Sample(one.step, one.seconds, columns, facts))
        self._judge(one, values, columns, facts)
        if facts.get(SKIPPED):
            self.bear(Birth(one.step, "", "", "scale"))

    def _judge(
        self, one: Measured, values: dict[Any, float], columns: dict[str, np.ndarray], facts: dict[str, float]
    ) -> None:
        scale = facts.get("scale", 0.0)
        found = (
            self._spoiled(one, columns)
            or _traced(one, values)
            or self._backward(one, values, columns, scale)
            or self._gradient(one, values, columns, scale)
        )
        if found is not None:
            self.bear(found)
        elif one.everything and not facts.get(SKIPPED):
            self.clean = one.step

    def _spoiled(self, one: Measured, columns: dict[str, np.ndarray]) -> Birth | None:
        bad = _where(columns.get("bad_weight"))
        return Birth(one.step, self.rows[bad[0]].address, "", "update", self.clean) if bad else None

    def _backward(
        self, one: Measured, values: dict[Any, float], columns: dict[str, np.ndarray], scale: float
    ) -> Birth | None:
        harmless = "gradient" in columns and not _where(columns.get("bad_gradient"))  # masked on the way back
        if one.activations is None or harmless:
            return None
        before: int | None = None
        for number in one.activations.arrived:
            if values.get(("bad_backward", number), 0.0) > 0:
                if scale > 1:
                    return Birth(one.step, self.rows[number].address, "", "scale")
                if before is None:
                    return Birth(one.step, "loss", "", "loss")
                between = one.activations.between(number, before)
                return Birth(one.step, self.rows[before].address, between, "backward")
            before = number
        return None

    def _gradient(
        self, one: Measured, values: dict[Any, float], columns: dict[str, np.ndarray], scale: float
    ) -> Birth | None:
        bad = _where(columns.get("bad_gradient"))
        if not bad:
            return None
        reached = {self.owners[name] for statistic, name in values if statistic == "gradient"}
        rank = {number: i for i, number in enumerate(self.order)}
        last = max(bad, key=lambda number: rank.get(number, -1))
        layer = "" if len(bad) > 1 and len(bad) == len(reached) else self.rows[last].address
        return Birth(one.step, layer, "", "scale" if scale > 1 else "backward", self.clean)


def name_of_loss(name: str) -> bool:
    """Whether a metric is the loss of training."""
    return "loss" in name.lower() and not any(part in name.lower() for part in ("val", "eval", "test"))


def _traced(one: Measured, values: dict[Any, float]) -> Birth | None:
    if one.activations is None:
        return None
    for i, (layer, op) in enumerate(one.activations.traced):
        if math.isnan(values.get(("trace", i), 0.0)) or values.get(("trace", i)) == math.inf:
            return Birth(one.step, layer, op, "forward")
    return None


def _where(column: Iterable[float] | None) -> list[int]:
    return [] if column is None else [i for i, count in enumerate(column) if count > 0]


def _zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _finite(value: Tensor) -> bool:
    return math.isfinite(value.item()) if value.numel() == 1 else bool(value.detach().isfinite().all())
