"""The record of a training, in memory or read from its folder."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pellucid.core.errors import BadInput, BadRequest, nearest_names, quoted
from pellucid.core.text import Text
from pellucid.engine.monitor.chunk import unpack
from pellucid.engine.monitor.log import frames, is_held, manifest, parts
from pellucid.engine.monitor.sample import STATISTICS, Birth, Item, Logged, Row, Sample, Told

MOST = 4096


class Grid(NamedTuple):
    """One statistic: `values (step, layer)`, NaN where it was not measured; only steps and layers that have any."""

    steps: np.ndarray
    layers: tuple[str, ...]
    values: np.ndarray


class Curve(NamedTuple):
    """One metric: `steps (n,)` and `values (n,)`."""

    steps: np.ndarray
    values: np.ndarray


@dataclass(eq=False)
class History:
    """Everything that is known of a run so far.

    Args:
        about: what the manifest says: the model, optimizers, versions.
        most: samples kept in memory; beyond, every second one of the older half is let go. None: all.

    `state` is "running", "finished", "interrupted", "killed" (the process ended without a word), or an error.
    """

    about: dict[str, Any] = field(default_factory=dict)
    most: int | None = None
    samples: list[Sample] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    order: tuple[int, ...] = ()
    births: list[Birth] = field(default_factory=list)
    notes: list[Text] = field(default_factory=list)
    schedule: list[tuple[int, int, int]] = field(default_factory=list)
    state: str = "running"
    logged: dict[str, list[tuple[int, float]]] = field(default_factory=dict)

    def add(self, items: Iterable[Item]) -> None:
        """Take in what was measured."""
        for one in items:
            if isinstance(one, Sample):
                self.samples.append(one)
            elif isinstance(one, Logged):
                self.logged.setdefault(one.name, []).append((one.step, one.value))
            elif isinstance(one, Birth):
                self.births.append(one)
            else:
                self._told(one)
        if self.most is not None and len(self.samples) > self.most:
            half = self.most // 2
            self.samples = self.samples[:half:2] + self.samples[half:]

    def _told(self, one: Told) -> None:
        self.rows += one.rows
        self.order = one.order or self.order
        if one.every is not None:
            self.schedule.append((one.step, *one.every))
        if one.note is not None and Text(*one.note) not in self.notes:
            self.notes.append(Text(*one.note))
        self.state = one.state or "running"

    @property
    def steps(self) -> np.ndarray:
        """`(n,)` the steps at which anything of the layers was measured."""
        return np.array([one.step for one in self.samples], np.int64)

    @property
    def last(self) -> int:
        """The last step that anything is known of; -1 before the first."""
        ends = [steps[-1][0] for steps in self.logged.values() if steps]
        return max([-1, *ends, *(one.step for one in self.samples[-1:])])

    @property
    def layers(self) -> tuple[str, ...]:
        """Addresses, in the order in which they run."""
        return tuple(self.rows[i].address for i in self._sequence())

    @property
    def born(self) -> Birth | None:
        """Where non-finite values first appeared; steps that the loss scaler skipped do not count."""
        return next((one for one in self.births if one.direction != "scale"), None)

    @property
    def skipped(self) -> tuple[int, ...]:
        """The steps that the loss scaler of mixed precision skipped."""
        return tuple(sorted({one.step for one in self.births if one.direction == "scale"}))

    @property
    def metrics(self) -> dict[str, Curve]:
        """What was logged, by name."""
        return {
            name: Curve(np.array([step for step, _ in pairs], np.int64), np.array([value for _, value in pairs]))
            for name, pairs in self.logged.items()
        }

    def facts(self, name: str) -> Curve:
        """A number of whole steps that were measured: "forwards", "scale", "skipped", "rate.0", "seconds"."""
        found = [(one.step, one.facts[name]) for one in self.samples if name in one.facts]
        if name == "seconds":
            found = [(one.step, one.seconds) for one in self.samples]
        return Curve(np.array([step for step, _ in found], np.int64), np.array([value for _, value in found], float))

    def grid(self, statistic: str) -> Grid:
        """One statistic of all layers; `"ratio"` is update / weight.

        Raises:
            BadRequest: there is none of that name.
        """
        if statistic == "ratio":
            update, weight = self.grid("update"), self.grid("weight")
            at = np.searchsorted(weight.steps, update.steps)
            which = [weight.layers.index(name) for name in update.layers]
            size = weight.values[at][:, which]
            share = np.divide(update.values, size, out=np.full_like(size, np.nan), where=size > 0)
            return Grid(update.steps, update.layers, share)
        if statistic not in STATISTICS:
            raise BadRequest(
                f"a run has no statistic '{statistic}'",
                nearest=quoted(nearest_names(statistic, (*STATISTICS, "ratio"))),
            )
        having = [one for one in self.samples if statistic in one.columns]
        values = np.full((len(having), len(self.rows)), np.nan, having[0].columns[statistic].dtype if having else float)
        for line, one in enumerate(having):
            column = one.columns[statistic]
            values[line, : len(column)] = column
        measured = ~np.isnan(values) | _not_finite(having, self.rows, statistic)
        kept = [i for i in self._sequence() if measured[:, i].any()]
        return Grid(
            np.array([one.step for one in having], np.int64),
            tuple(self.rows[i].address for i in kept),
            values[:, kept],
        )

    def _sequence(self) -> list[int]:
        """Numbers of rows as they run; what was not seen running stands behind the row before it."""
        placed, known = list(self.order), set(self.order)
        for i in range(len(self.rows)):
            if i not in known:
                placed.insert(placed.index(i - 1) + 1 if i else 0, i)
        return placed


_BESIDE = {
    "gradient": "bad_gradient",
    "weight": "bad_weight",
    "update": "bad_gradient",
    "flow": "bad_backward",
}


def _not_finite(having: list[Sample], rows: list[Row], statistic: str) -> np.ndarray:
    """Where a NaN is what was measured: there non-finite values were counted beside it."""
    made = np.zeros((len(having), len(rows)), bool)
    beside = _BESIDE.get(statistic, "bad_forward")
    for line, one in enumerate(having):
        counts = one.columns.get(beside)
        if counts is not None:
            made[line, : len(counts)] = np.nan_to_num(counts) > 0
    return made


def read_run(folder: str | Path) -> History:
    """The run that a folder holds, also while it is being written and after its process was killed.

    Raises:
        BadInput: it holds none.
        BadRequest: it was written by a newer version.
    """
    folder = Path(folder)
    held = is_held(folder)
    made = History(about=manifest(folder))
    for path in parts(folder):
        part = History()
        for content in frames(path):
            try:
                part.add(unpack(content))
            except BadInput:
                break
        if part.rows or part.samples or part.logged:
            _join(made, part)
    if made.state == "running" and not held:
        made.state = "killed"
    return made


def _join(made: History, part: History) -> None:
    """A training that was gone on with: steps that were done again count as the later training did them."""
    starts = [part.schedule[0][0]] if part.schedule else [one.step for one in part.samples[:1]]
    start = min(starts, default=None)
    if start is not None:
        made.samples = [one for one in made.samples if one.step < start]
        made.births = [one for one in made.births if one.step < start]
        made.logged = {name: [one for one in pairs if one[0] < start] for name, pairs in made.logged.items()}
    known = {row.address: i for i, row in enumerate(made.rows)}
    for row in part.rows:
        if row.address not in known:
            known[row.address] = len(made.rows)
            made.rows.append(row)
    places = np.array([known[row.address] for row in part.rows], np.int64)
    for one in part.samples:
        columns: dict[str, np.ndarray] = {}
        for name, column in one.columns.items():
            columns[name] = np.full(len(made.rows), np.nan, column.dtype)
            columns[name][places[: len(column)]] = column
        made.samples.append(Sample(one.step, one.seconds, columns, one.facts))
    made.order = tuple(int(places[i]) for i in part.order) or made.order
    made.births += part.births
    made.schedule += part.schedule
    made.notes += [note for note in part.notes if note not in made.notes]
    made.state = part.state
    for name, pairs in part.logged.items():
        made.logged.setdefault(name, []).extend(pairs)
