"""The record of a training, in memory or read from its folder."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pellucid.core.errors import BadInput, BadRequest, nearest_names, quoted
from pellucid.core.text import Text
from pellucid.engine.monitor.chunk import unpack
from pellucid.engine.monitor.log import closed, frames, is_held, manifest, numbers, parts
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
        lost: what of its folder could not be written, or not be read; each is a note, too.
        most: samples kept in memory; beyond, every second one of the older half is let go. None: all.

    `state` is "running", "finished", "interrupted", "killed" (the process ended without a word), "stopped" (watching
    ended before the training), "unwritten" (the folder could not be written any more), "damaged" (the end of the record
    is lost), or an error.
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
    lost: list[Text] = field(default_factory=list)
    _known: dict[str, int] = field(default_factory=dict)
    _places: list[int] = field(default_factory=list)
    _again: bool = False

    def go_on(self) -> None:
        """Another training begins, which numbers its places anew; steps that it does again count as it does them."""
        self._known = {row.address: i for i, row in enumerate(self.rows)}
        self._places, self._again = [], True

    def add(self, items: Iterable[Item]) -> None:
        """Take in what was measured."""
        for one in items:
            if isinstance(one, Sample):
                self._begin(one.step)
                self.samples.append(_moved(one, self._places, len(self.rows)) if self._known else one)
            elif isinstance(one, Logged):
                self.logged.setdefault(one.name, []).append((one.step, one.value))
            elif isinstance(one, Birth):
                self.births.append(one)
            else:
                self._told(one)
        if self.most is not None and len(self.samples) > self.most:
            half = self.most // 2
            self.samples = self.samples[:half:2] + self.samples[half:]

    @property
    def placed(self) -> int:
        """How many places the training that is under way has made known."""
        return len(self._places)

    def _begin(self, step: int) -> None:
        if self._again:
            self._again = False
            self.samples = [one for one in self.samples if one.step < step]
            self.births = [one for one in self.births if one.step < step]
            self.logged = {name: [one for one in pairs if one[0] < step] for name, pairs in self.logged.items()}

    def _told(self, one: Told) -> None:
        for row in one.rows:
            self._places.append(self._known.get(row.address, len(self.rows)))
            if row.address not in self._known:
                self.rows.append(row)
        self.order = tuple(self._places[i] for i in one.order) or self.order
        if one.every is not None:
            self._begin(one.step)
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
            return _ratio(self.grid("update"), self.grid("weight"))
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


def _moved(one: Sample, places: list[int], count: int) -> Sample:
    """With each column's numbers at their places among `count` rows."""
    columns: dict[str, np.ndarray] = {}
    for name, column in one.columns.items():
        columns[name] = np.full(count, np.nan, column.dtype)
        columns[name][places[: len(column)]] = column
    return replace(one, columns=columns)


def _ratio(update: Grid, weight: Grid) -> Grid:
    """Update / weight, of the same step and layer."""
    at = np.searchsorted(weight.steps, update.steps)
    size = weight.values[at][:, [weight.layers.index(name) for name in update.layers]]
    with np.errstate(invalid="ignore", over="ignore"):  # weights and updates that are not finite
        share = np.divide(update.values, size, out=np.full_like(size, np.nan), where=size > 0)
    return Grid(update.steps, update.layers, share)


def _not_finite(having: list[Sample], rows: list[Row], statistic: str) -> np.ndarray:
    """Where a NaN is what was measured: there non-finite values were counted beside it."""
    made = np.zeros((len(having), len(rows)), bool)
    beside = _BESIDE.get(statistic, "bad_forward")
    for line, one in enumerate(having):
        counts = one.columns.get(beside)
        if counts is not None:
            made[line, : len(counts)] = np.nan_to_num(counts) > 0
    return made


def read_run(folder: str | Path, most: int | None = None) -> History:
    """The run that a folder holds, also while it is being written and after its process was killed.

    What is damaged or missing is left out, and told as a note.

    Args:
        folder: of the run.
        most: as of `History`.
    Raises:
        BadInput: it holds none.
        BadRequest: it was written by a newer version.
    """
    try:
        folder = Path(folder)
    except TypeError as error:
        raise BadInput(f"{type(folder).__name__} is no folder of a run", hint='pl.Run.open("runs/first")') from error
    held, told = is_held(folder), manifest(folder)
    made, ended = History(about=told, most=most), closed(told)
    state, broken = "running", False
    there = {int(one.stem): one for one in parts(folder)}
    for number in range(max(numbers(folder), default=0) + 1):
        end = ended.get(f"{number:06d}", {})
        made.go_on()
        if number in there:
            broken = _read_part(made, there[number], end.get("bytes", 0))
        else:
            broken = True
            made.lost.append(Text(f"Part {number:06d} of the record is missing.", f"记录缺少部分 {number:06d}。"))
        state = "unwritten" if "unwritten" in end else made.state
        if state == "unwritten":
            made.lost.append(_unwritten(made.last, end["unwritten"]))
    made.notes += made.lost
    if broken and not held:
        state = "damaged"
    made.state = "killed" if state == "running" and not held else state
    return made


def _read_part(made: History, path: Path, whole: int) -> bool:
    """Take in what one training wrote; whether its end is lost.

    Args:
        whole: bytes that it had when it was closed.
    """
    after: int | None = None
    damaged = False
    for content in frames(path):
        try:
            items = None if content is None else unpack(content)
        except BadInput:
            items = None
        if items is None:
            after, damaged = made.last if after is None else after, True
            continue
        made.add(_certain(items, made.placed) if damaged else items)
        if after is not None:
            first = next((one.step for one in items if isinstance(one, Sample | Logged)), made.last + 1)
            made.lost.append(_damaged(path.name, after, first))
            after = None
    if after is None and path.stat().st_size < whole:
        after = made.last
    if after is not None:
        made.lost.append(_damaged(path.name, after, None))
    return after is not None


def _certain(items: Iterable[Item], count: int) -> list[Item]:
    """Items from behind damage, with the first `count` places alone: those behind lost their numbers."""
    made: list[Item] = []
    for one in items:
        if isinstance(one, Told):
            made.append(replace(one, rows=(), order=tuple(i for i in one.order if i < count)))
        elif isinstance(one, Sample):
            made.append(replace(one, columns={name: column[:count] for name, column in one.columns.items()}))
        else:
            made.append(one)
    return made


def _damaged(part: str, after: int, first: int | None) -> Text:
    """Where the record is damaged, and what is lost.

    Args:
        first: the step from which on it was read again; None: never.
    """
    en, zh = (f"after step {after}", f"第 {after} 步之后") if after >= 0 else ("at its beginning", "开头处")
    lost, lost_zh = ("all that followed is lost", "其后的内容全部丢失")
    if first is not None:
        lost, lost_zh = (f"what followed is lost up to step {first}", f"此处到第 {first} 步之间的内容已丢失")
    return Text(f"The record is damaged {en} ({part}): {lost}.", f"记录在{zh}损坏（{part}）：{lost_zh}。")


def _unwritten(last: int, why: str) -> Text:
    return Text(
        f"The record ends at step {last}, because the folder could not be written: {why}.",
        f"记录止于第 {last} 步，因为文件夹无法写入：{why}。",
    )
