"""From scalars that arrived to samples of a run; and what they tell of where non-finite values were born."""

import math
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from pellucid.engine.monitor.births import born_behind
from pellucid.engine.monitor.guard import warn
from pellucid.engine.monitor.judging import SKIPPED, Evidence, first_fault
from pellucid.engine.monitor.measured import Measured
from pellucid.engine.monitor.parameters import Parameters, owner
from pellucid.engine.monitor.sample import Birth, Item, Logged, Row, Sample, Told
from pellucid.engine.monitor.transfer import Transfer

SQUARED = ("gradient", "weight", "update")
COUNTED = ("bad_gradient", "bad_weight")
MOST_WAITING = 64


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
        self.scalars: list[tuple[Tensor, Callable[[float], None]]] = []
        self.moving: deque[list[tuple[Tensor, Callable[[float], None]]]] = deque()
        self.born = False
        self.vague: Birth | None = None
        self.clean: int | None = None
        self.spoiled: set[int] = set()
        self.left_out: set[str] = set()

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
        """Metrics of a step; those on a device are read later, what is no single number is left out with a warning.

        Args:
            node: sequence number of the graph's node that gave the output of the model.
        """
        for name, value in metrics.items():
            if isinstance(value, Tensor) and value.numel() == 1 and not value.is_complex():
                if (
                    name_of_loss(name)
                    and not self.born
                    and value.device.type == "cpu"
                    and not math.isfinite(value.item())
                ):
                    behind = born_behind(value, node) if value.grad_fn is not None and node else ""
                    self.bear(Birth(step, "loss", behind, "loss"))
                self.later(value, partial(self.logged, step, name))
            elif (number := _number(value)) is not None:
                self.logged(step, name, number)
            elif name not in self.left_out:
                self.left_out.add(name)
                en = f"'{name}' is left out of what was logged, first at step {step}: it is no single number."
                self.put(Told(step=step, note=(en, f"所记录的“{name}”被略去（首次于第 {step} 步）：它不是单个数值。")))
                warn(f"pellucid: {en}")

    def later(self, value: Tensor, tell: Callable[[float], None]) -> None:
        """Tell a number once it is on the host."""
        if value.device.type == "cpu":
            tell(float(value.detach().item()))
        else:
            self.scalars.append((value.detach().clone(), tell))

    def logged(self, step: int, name: str, value: float) -> None:
        """One metric."""
        if not math.isfinite(value) and name_of_loss(name):
            self.bear(Birth(step, "loss", "", "loss", self.clean))
        self.put(Logged(step, name, value))

    def given(self, step: int, total: float) -> None:
        """The sum of what the model gave."""
        if not math.isfinite(total):
            self.bear(Birth(step, "output", "", "forward", self.clean))

    def skipped(self, step: int, found: float = 1.0) -> None:
        """The loss scaler skipped a step, if it found anything that is not finite."""
        if found:
            self.bear(Birth(step, "", "", "scale"))

    def bear(self, birth: Birth) -> None:
        """The first place of its kind is told; one that could be told better, by what is logged, waits for `settle`."""
        if birth.direction == "scale":
            if birth.step not in self.spoiled:
                self.spoiled.add(birth.step)
                self.put(birth)
        elif not self.born and birth.layer in ("", "loss") and not birth.operation:
            self.vague = birth if self.vague is None or birth.layer else self.vague
        elif not self.born:
            self.born = True
            self.put(birth)

    def settle(self) -> None:
        """The next step has begun: what was known of the last one is all."""
        if self.vague is not None and not self.born:
            self.born = True
            self.put(self.vague)

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
            for i, (value, _) in enumerate(self.scalars):
                moved.add(i, value.reshape(-1)[:1].sum())
            self.waiting.append(Measured(-1, 0.0, everything=False, transfer=moved.start()))
            self.moving.append(self.scalars)
            self.scalars = []
        while self.waiting and (wait or self.waiting[0].transfer.ready):
            one = self.waiting.popleft()
            values = one.transfer.read()
            if one.step < 0:
                for i, (_, tell) in enumerate(self.moving.popleft()):
                    tell(values[i])
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
        found = first_fault(Evidence(one, values, columns, facts, self.rows, self.owners, self.order, self.clean))
        if found is not None:
            self.bear(found)
        elif one.everything and not facts.get(SKIPPED):
            self.clean = one.step
        self.skipped(one.step, facts.get(SKIPPED, 0.0))


def name_of_loss(name: str) -> bool:
    """Whether a metric is the loss of training."""
    return "loss" in name.lower() and not any(part in name.lower() for part in ("val", "eval", "test"))


def _zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def _number(value: Any) -> float | None:
    """What is no tensor, as a number; None where it is none, or several."""
    try:
        array = np.asarray(value)
        return float(array.item()) if array.size == 1 else None
    except Exception:
        return None
