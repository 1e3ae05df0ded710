"""Run: the log of a training, as watched; while it goes on and afterwards."""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

from pellucid import __version__
from pellucid.core.errors import BadRequest, BadSetting, quoted
from pellucid.core.text import Text
from pellucid.engine.looker import unwrapped
from pellucid.engine.monitor.budget import Budget
from pellucid.engine.monitor.forwards import is_compiled
from pellucid.engine.monitor.guard import warn
from pellucid.engine.monitor.history import MOST, Curve, Grid, History, read_run
from pellucid.engine.monitor.log import MANIFEST, Log
from pellucid.engine.monitor.monitor import Monitor
from pellucid.engine.monitor.parameters import SHARDED, Parameters
from pellucid.engine.monitor.sample import Birth, Told
from pellucid.engine.monitor.sink import Sink
from pellucid.lens.running import see_run
from pellucid.lens.views import Views, report
from pellucid.methods.gradient._training import activations, curves
from pellucid.registry import View
from pellucid.results.result import Lang, Result
from pellucid.results.series import Series

Every = int | Literal["auto"]
COMPILED = Text(
    "The model is compiled: gradients, weights and updates are measured, activations are unseen.",
    "模型已编译：可测量梯度、权重与更新量，但看不到激活。",
)

OTHER = Text(
    "The first process of this training watches it, this one only trains.", "此次训练由首个进程监视，本进程只训练。"
)


class Run:
    """A training that is watched: `with lens.watch(optimizer) as run: ...`; or one read from its folder.

    Leaving the block takes every hook off the model. The same run may be entered again to go on. `overhead` is then the
    time that watching took, as a share of the training's own.
    """

    def __init__(self, history: History, watching: "Watching | None" = None, said: str = "run") -> None:
        self.history, self._watching, self._said = history, watching, said
        self._monitor: Monitor | None = None
        self._sink: Sink | None = None
        self.overhead = float("nan")

    @classmethod
    def open(cls, folder: str | Path) -> Self:
        """The run that a folder holds, also while it is written and after its process was killed.

        Raises:
            BadInput: it holds none.
        """
        return cls(read_run(folder), said=f"pl.Run.open({str(folder)!r})")

    def __enter__(self) -> Self:
        if self._watching is None:
            raise BadRequest("this run was read from its folder", hint="lens.watch(optimizer, folder=..., resume=True)")
        if self._monitor is not None:
            raise BadRequest("this run is being watched already")
        self.history, self._sink, self._monitor = self._watching.begin(self.history)
        self._monitor.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        monitor, sink, self._monitor, self._sink = self._monitor, self._sink, None, None
        if monitor is None or sink is None:
            return
        monitor.close()
        self.overhead = monitor.budget.own / max(monitor.budget.whole, 1e-9)
        ended = "interrupted" if isinstance(error, KeyboardInterrupt) else f"{kind.__name__}: {error}" if kind else ""
        stopped = monitor.guard.error not in ("", OTHER.en)
        if stopped:
            sink.put(Told(note=_stopped(monitor.guard.error)))
        sink.close(ended or ("stopped" if stopped else "finished"))

    def log(self, **metrics: Any) -> None:
        """Numbers of this step: `run.log(loss=loss, accuracy=0.9, val_loss=...)`; tensors are read without waiting.

        A metric whose name holds `val`, `eval` or `test` is one of validation; its partner of training has the rest of
        the name. What is no single number is left out, with one warning.
        """
        if self._monitor is None:
            raise BadRequest("this run is not being watched now", hint="with lens.watch(optimizer) as run: ...")
        self._monitor.log(metrics)

    def end_step(self) -> None:
        """A step of training is over; only for loops that use no `torch.optim.Optimizer`."""
        if self._monitor is not None:
            self._monitor.guard(self._monitor.finish)

    @property
    def steps(self) -> np.ndarray:
        """`(n,)` the steps, from 0, at which layers were measured."""
        return self.history.steps

    @property
    def layers(self) -> tuple[str, ...]:
        """Addresses, in the order in which they run."""
        return self.history.layers

    @property
    def metrics(self) -> dict[str, Curve]:
        """What was logged: name → steps and values."""
        return self.history.metrics

    @property
    def born(self) -> Birth | None:
        """Where non-finite values first appeared: step, layer, operation, direction; None if they never did."""
        return self.history.born

    @property
    def skipped(self) -> tuple[int, ...]:
        """The steps that the loss scaler of mixed precision skipped, because a scaled gradient was not finite."""
        return self.history.skipped

    @property
    def state(self) -> str:
        """One of "running", "finished", "interrupted", "killed", or the error that ended it.

        Or what became of the record alone: "stopped" (watching ended before the training), "unwritten" (the folder
        could not be written any more), "damaged" (the end of the record is lost); `notes` tell more.
        """
        return self.history.state

    @property
    def notes(self) -> tuple[Text, ...]:
        """What is to be known of the record: what could not be seen, written or read."""
        return tuple(self.history.notes)

    def grid(self, statistic: str) -> Grid:
        """One statistic `(step, layer)`: gradient, weight, update, ratio, flow, mean, std, dead, saturated, bad_...

        Raises:
            BadRequest: there is none of that name.
        """
        return self.history.grid(statistic)

    def see(self, *views: View | str) -> Views:
        """Look at the training: `run.see(pl.gradient_flow(), pl.updates())`.

        Args:
            views: of methods that take a run, or their names; none for all of them.
        Raises:
            BadRequest: a view that looks at no run.
        """
        return see_run(self.history, views, self._said)

    def pictures(self) -> list[Result]:
        """Everything that the run shows: metrics, gradients by layer and step, updates, activations."""
        return [*self.curves(), *self.see().results, *activations(self.history)]

    def curves(self) -> list[Series]:
        """What was logged, training and validation together, one result for each metric."""
        return curves(self.history)

    def save(self, path: str | PathLike[str], *, lang: Lang = "en", title: str | None = None) -> None:
        """Write everything that the run shows as one offline report.

        Raises:
            BadRequest: the name does not end in `.html`.
        """
        report(path, self, lang=lang, title=title or str(self.history.about.get("model", "")))

    def __repr__(self) -> str:
        history = self.history
        name = history.about.get("model", "")
        return f"Run({name}, {history.last + 1} steps, {len(history.samples)} of them measured, {history.state})"


class Watching:
    """How a run is watched; what `Lens.watch` was asked.

    Args:
        model: as the lens has it.
        name: of the model.
        optimizer: one, several, or None for every optimizer that moves the model's weights.
        every: steps between two measurements, or "auto": by the budget.
        budget: share of the time of training that measuring may take.
        scaler: of mixed precision, where it does not call the optimizer itself.

    Raises:
        BadSetting: a setting that cannot be.
    """

    def __init__(
        self,
        model: nn.Module,
        name: str,
        optimizer: Optimizer | Iterable[Optimizer] | None,
        every: Every,
        budget: float,
        *,
        scaler: Any = None,
    ) -> None:
        if every != "auto" and not (type(every) is int and every >= 1):
            raise BadSetting(f'every={every!r} is neither a number of steps nor "auto"')
        if not 0 < budget <= 1:
            raise BadSetting(f"budget={budget} is not a share between 0 and 1")
        self.optimizers = _moving(_optimizers(optimizer), model)
        self.given, self.model, self.name = model, unwrapped(model), name
        self.every: Every = every
        self.budget, self.scaler = budget, scaler
        self.folder: Path | None = None
        self.start: int | None = None
        self.resume = False

    def into(self, folder: str | Path | None, start: int | None, *, resume: bool) -> Self:
        """Where it is stored, and where it begins.

        Args:
            folder: of the run; None: in memory.
            start: number of the first step; None: 0, or the one behind the last of the folder.
            resume: go on with the run that the folder holds.
        Raises:
            BadRequest: there is nothing to go on with.
            BadSetting: `start` is no number of a step.
        """
        if start is not None and not (type(start) is int and start >= 0):
            raise BadSetting(f"start={start!r} is no number of a step: 0, 1, 2, ...")
        if folder is None and resume:
            raise BadRequest("resume=True needs the folder of the run", hint="folder=")
        self.folder = None if folder is None else Path(folder)
        self.start, self.resume = start, resume
        return self

    def begin(self, history: History) -> tuple[History, Sink, Monitor]:
        """Take up the record where it stands; that of the folder, where it is gone on with.

        Raises:
            BadRequest: the folder cannot be used, or holds the run of another model.
        """
        double = any(one.dtype == torch.float64 for one in self.model.parameters())
        watches = _rank() == 0
        log, again, start = None, bool(history.rows), self.start
        if self.folder is not None and watches:
            if self.resume and not again and (self.folder / MANIFEST).exists():
                history = self._earlier(self.folder)
            log = Log(self.folder, self.about(), resume=self.resume or again)
        start = history.last + 1 if again or start is None else start
        history.about = history.about or self.about()
        history.go_on()
        sink = Sink(history, log, np.float64 if double else np.float32)
        seen = watches and not is_compiled(self.given) and not is_compiled(self.model)
        seen = seen and not isinstance(self.model, torch.jit.ScriptModule)
        monitor = Monitor(
            self.model,
            self.optimizers,
            sink.put,
            Budget(self.budget, self.every),
            scaler=self.scaler,
            seen=seen,
            start=start,
        )
        notes = ((SHARDED,) if monitor.parameters.sharded else ()) + (() if seen else (COMPILED if watches else OTHER,))
        monitor.guard.error = "" if watches else OTHER.en
        for note in notes:
            sink.put(Told(note=(note.en, note.zh), step=start))
        return history, sink, monitor

    def _earlier(self, folder: Path) -> History:
        """What the folder holds already; damage is warned of.

        Raises:
            BadRequest: it is of another model.
        """
        found = read_run(folder, MOST)
        for words in found.lost:
            warn(f"pellucid: '{folder}': {words.en}")
        own = {row.address: row.elements for row in Parameters(self.model).rows.values() if row.elements}
        then = {row.address: row.elements for row in found.rows if row.elements}
        names = then.keys() if found.lost else own.keys() | then.keys()
        other = sorted(name for name in names if own.get(name) != then.get(name)) if then else []
        now, before = self.about()["parameters"], found.about.get("parameters")
        if other or before not in (None, now):
            differs = f"other parameters at {quoted(other[:3])}" if other else f"{before:,} parameters, not {now:,}"
            raise BadRequest(
                f"'{folder}' holds the run of another model: {differs}", hint="a new folder, or the model of that run"
            )
        return found

    def about(self) -> dict[str, Any]:
        """What the manifest says."""
        return {
            "model": self.name,
            "parameters": sum(one.numel() for one in self.model.parameters()),
            "optimizers": [type(one).__name__ for one in self.optimizers],
            "every": self.every,
            "budget": self.budget,
            "begun": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": {"pellucid": __version__, "torch": str(torch.__version__), "python": sys.version.split()[0]},
        }


class Watchable(Protocol):
    """What has a model to watch: a `Lens`."""

    model: nn.Module
    name: str


def watch(
    self: Watchable,
    optimizer: Optimizer | Iterable[Optimizer] | None = None,
    *,
    every: Every = "auto",
    budget: float = 0.01,
    folder: str | Path | None = None,
    resume: bool = False,
    start: int | None = None,
    scaler: Any = None,
) -> Run:
    """Watch a training: `with lens.watch(optimizer) as run: ...`, which it neither changes nor stops.

    Args:
        optimizer: one or several; None for every optimizer that moves weights of the model.
        every: steps between two measurements; "auto": so many that measuring keeps to the budget.
        budget: share of the time of training.
        folder: stores the run there, readable all the while; default in memory.
        resume: go on with the run in the folder; steps that are done again count as they are done now.
        start: number of the first step; default 0, or the one behind the last in the folder.
        scaler: of mixed precision, where it does not call the optimizer itself.
    Raises:
        BadRequest: a setting that cannot be, or a folder that holds something else.
    """
    how = Watching(self.model, self.name, optimizer, every, budget, scaler=scaler)
    return Run(History(most=MOST), how.into(folder, start, resume=resume))


def _optimizers(given: Optimizer | Iterable[Optimizer] | None) -> Sequence[Optimizer]:
    """One or several; what wraps one (Lightning, Accelerate) is looked through.

    Raises:
        BadSetting: it is none.
    """
    if given is None:
        return ()
    several: list[Any] = list(given) if isinstance(given, Iterable) else [given]
    hooks = "_optimizer_step_pre_hooks"  # Accelerate's is an Optimizer by name alone
    found = [one if hasattr(one, hooks) else getattr(one, "optimizer", one) for one in several]
    for one in found:
        if not isinstance(one, Optimizer):
            raise BadSetting(f"{type(one).__name__} is no torch.optim.Optimizer", hint="lens.watch(optimizer)")
    return found


def _moving(given: Sequence[Optimizer], model: nn.Module) -> Sequence[Optimizer]:
    """These, unless none of them holds a parameter of the model; sharded trainings may move copies.

    Raises:
        BadRequest: none of them does.
    """
    own = {id(one) for one in model.parameters()}
    held = [id(one) for optimizer in given for group in optimizer.param_groups for one in group["params"]]
    if held and own.isdisjoint(held) and not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        raise BadRequest(
            "the optimizer holds no parameter of this model",
            hint="the optimizer of this very model, made after it was moved or replaced; or lens.watch() for any",
        )
    return given


def _rank() -> int:
    """Which process of a distributed training this is; the first one watches."""
    distributed = torch.distributed
    return distributed.get_rank() if distributed.is_available() and distributed.is_initialized() else 0


def _stopped(error: str) -> tuple[str, str]:
    return f"Watching ended before the training: {error}", f"监视先于训练结束：{error}"
