"""What one measured step tells of where non-finite values were born."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.engine.monitor.measured import Measured
from pellucid.engine.monitor.sample import Birth, Row

SKIPPED = "skipped"  # a fact: the loss scaler called no optimizer


@dataclass(frozen=True, eq=False)
class Evidence:
    """What was measured at a step, and what is known of the places.

    Args:
        one: the step.
        values: by (statistic, row or name of a parameter).
        columns: by statistic, for all rows.
        facts: of the whole step.
        rows: the places.
        owners: number of the row of every parameter.
        order: numbers of rows in the order in which they run.
        clean: the last step at which everything was finite.
    """

    one: Measured
    values: Mapping[Any, float]
    columns: Mapping[str, np.ndarray]
    facts: Mapping[str, float]
    rows: Sequence[Row]
    owners: Mapping[str, int]
    order: Sequence[int]
    clean: int | None

    def bad(self, statistic: str) -> list[int]:
        """The rows at which a count is not zero."""
        return [i for i, count in enumerate(self.columns.get(statistic, ())) if count > 0]

    @property
    def scaled(self) -> bool:
        """Whether the loss is scaled up: then gradients that are not finite may only be too large."""
        return self.facts.get("scale", 0.0) > 1


def first_fault(seen: Evidence) -> Birth | None:
    """The first place on the way forward, back and to the weights; None where everything is finite."""
    return _spoiled(seen) or _traced(seen) or _backward(seen) or _gradient(seen)


def _spoiled(seen: Evidence) -> Birth | None:
    bad = seen.bad("bad_weight")
    return Birth(seen.one.step, seen.rows[bad[0]].address, "", "update", seen.clean) if bad else None


def _traced(seen: Evidence) -> Birth | None:
    if seen.one.activations is None:
        return None
    for i, (layer, op) in enumerate(seen.one.activations.traced):
        total = seen.values.get(("trace", i), 0.0)
        if math.isnan(total) or total == math.inf:
            return Birth(seen.one.step, layer, op, "forward")
    return None


def _backward(seen: Evidence) -> Birth | None:
    harmless = "gradient" in seen.columns and not seen.bad("bad_gradient")  # masked on the way back
    activations, step = seen.one.activations, seen.one.step
    place = None if activations is None or harmless else activations.broken(seen.values)
    if activations is None or place is None:
        return None
    number, before = place
    if seen.scaled:
        return Birth(step, seen.rows[number].address, "", "scale")
    if before is None:
        return Birth(step, "loss", "", "loss")
    return Birth(step, seen.rows[before].address, activations.between(number, before), "backward")


def _gradient(seen: Evidence) -> Birth | None:
    bad = seen.bad("bad_gradient")
    if not bad:
        return None
    reached = {seen.owners[name] for statistic, name in seen.values if statistic == "gradient"}
    rank = {number: i for i, number in enumerate(seen.order)}
    last = max(bad, key=lambda number: rank.get(number, -1))
    layer = "" if 1 < len(bad) == len(reached) else seen.rows[last].address
    return Birth(seen.one.step, layer, "", "scale" if seen.scaled else "backward", seen.clean)
