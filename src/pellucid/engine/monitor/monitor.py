"""Watches a training: chooses the steps, measures, and never gets in its way."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from torch import nn
from torch.optim import Optimizer

from pellucid.engine.monitor.activations import Activations
from pellucid.engine.monitor.budget import EVERYTHING, NOTHING, WEIGHTS, Budget
from pellucid.engine.monitor.collector import Collector
from pellucid.engine.monitor.forwards import UNSEEN, Forwards, watched
from pellucid.engine.monitor.guard import Guard
from pellucid.engine.monitor.judging import SKIPPED
from pellucid.engine.monitor.measured import Measured, note_rates
from pellucid.engine.monitor.parameters import Parameters, step_hooks
from pellucid.engine.monitor.sample import Item, Told
from pellucid.engine.monitor.scaling import Scale, ScalerHook
from pellucid.engine.monitor.turns import Turns


class Monitor:
    """Hooks on one model and its optimizers between `open` and `close`; what it raises itself ends it, with a warning.

    Args:
        model: as it is called, without wrappers.
        optimizers: whose steps are counted; none: those of every optimizer that holds parameters of the model.
        put: takes what was measured.
        budget: chooses the steps.
        scaler: of mixed precision; found where it is not given.
        seen: whether activations can be seen.
        start: number of the first step.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizers: Sequence[Optimizer],
        put: Callable[[Item], None],
        budget: Budget,
        *,
        scaler: Any = None,
        seen: bool = True,
        start: int = 0,
    ) -> None:
        self.optimizers, self.put, self.budget = optimizers, put, budget
        self.scale, self.parameters = Scale(scaler), Parameters(model)
        self.collector = Collector(put, self.parameters)
        self.here = all(one.device.type == "cpu" for one in model.parameters())
        self.guard = Guard(time.thread_time if self.here else time.perf_counter)
        paths = watched(model) if seen else {}
        self.forwards = Forwards(model, paths, self.collector, self.guard, here=self.here)
        self.turns = Turns([one for one in optimizers if self.parameters.moved_by(one)], start)
        self.handles, self.logged = list[Any](), dict[str, int]()
        self.asked, self.began = False, time.perf_counter()
        self.step = budget.begun = start
        self.mark = self.guard.clock()
        self._fresh()

    def open(self) -> None:
        """Begin to watch."""
        self.put(Told(step=self.step, every=self.budget.intervals))
        self.collector.tell()
        self.forwards.entries.open()
        self.handles += step_hooks(self.optimizers, self._before, self._after)
        self.handles.append(ScalerHook(self._asked, self._answered))
        self.mark = self.guard.clock()

    def close(self) -> None:
        """Leave the model as it was found, and read what is still on its way."""
        for handle in self.handles:
            handle.remove()
        self.handles = []
        self.forwards.entries.close()
        if self.turns.stepped:
            self.guard(self.finish)
        self._drop()
        self.guard(partial(self.collector.collect, wait=True))
        self.guard(self.collector.settle)

    def log(self, metrics: dict[str, Any]) -> None:
        """Numbers of the step that is under way, or of the one that has just ended.

        Of a model whose forwards cannot be seen the same name a second time tells that the next one is under way.
        """
        before = max(self.step - 1, self.budget.begun)
        unseen = not self.forwards.seen and any(self.logged.get(name) == before for name in metrics)
        step = self.step if self.forwards.calls or unseen else before
        self.logged.update(dict.fromkeys(metrics, step))
        self.guard(self.collector.log, step, metrics, self.forwards.node)

    def finish(self) -> None:
        """The step is over."""
        if self.level != NOTHING:
            self.measured.seconds = time.perf_counter() - self.began
            self.measured.facts["forwards"] = float(max(self.forwards.calls.values(), default=0))
            self.collector.take(self.measured)
            if self.forwards.paths and self.level == EVERYTHING and not self.forwards.calls:
                self.put(Told(step=self.step, note=(UNSEEN.en, UNSEEN.zh)))
        elif SKIPPED in self.measured.facts:
            self.collector.skipped(self.step)
        self._drop()
        self.forwards.entries.stepped(self.step + 1 - self.budget.begun)
        self.collector.collect()
        own, now = self.guard.spent(), self.guard.clock()
        whole, self.mark = now - self.mark, now
        if self.budget.spent(self.step, self.level, own, whole):
            self.put(Told(step=self.step + 1, every=self.budget.intervals))
        self.step += 1
        self._fresh()

    def _fresh(self) -> None:
        self.level = self.budget.level(self.step)
        self.measured = Measured(self.step, 0.0, everything=self.level == EVERYTHING)
        self.forwards.fresh(self.step, self._visitor if self.level == EVERYTHING else None)
        self.turns.stepped.clear()

    def _visitor(self) -> Activations:
        self.scale.note(self.measured)
        trace = not self.here and not self.collector.born
        return self.measured.visitor(self.collector.row, self.guard, trace=trace)

    def _drop(self) -> None:
        """Nothing of ours stays on the model or in a graph."""
        self.forwards.drop()
        if self.measured.activations is not None:
            self.measured.activations.close()
        self.parameters.forget()

    def _counts(self, optimizer: Optimizer) -> bool:
        named = not self.optimizers or any(optimizer is one for one in self.optimizers)
        return named and not self.guard.error and self.parameters.moved_by(optimizer)

    def _asked(self, scaler: Any, optimizer: Optimizer) -> None:
        """The loss scaler is about to call an optimizer, unless gradients are not finite."""
        if self._counts(optimizer):
            self.scale.scaler, self.asked = scaler, True

    def _answered(self, optimizer: Optimizer) -> None:
        if self.asked:
            self.guard(self._skipped, optimizer)
        self.asked = False

    def _skipped(self, optimizer: Optimizer) -> None:
        if self.turns.again(optimizer):
            self.finish()
        self.scale.note(self.measured)
        self.measured.facts[SKIPPED] = 1.0
        self._turn(optimizer)

    def _before(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if self._counts(optimizer):
            self.asked = False
            closure = callable(kwargs.get("closure", args[1] if len(args) > 1 else None))  # the optimizer comes first
            self.guard(partial(self._measure, optimizer, closure=closure))

    def _measure(self, optimizer: Optimizer, *, closure: bool) -> None:
        if self.turns.again(optimizer):
            self.finish()
        checked = closure or self.collector.born or hasattr(optimizer, "found_inf")
        if self.level == NOTHING and self.here and not checked and self.parameters.spoiled(optimizer):
            self.level = WEIGHTS
            self.forwards.broken_back()
        if self.level == NOTHING:
            return
        self.scale.note(self.measured)
        taken, dear = len(self.turns.stepped), self.level == EVERYTHING
        note_rates(self.measured, optimizer, taken)
        self.parameters.before(optimizer, self.measured.transfer, first=not taken, dear=dear, closure=closure)

    def _after(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if self._counts(optimizer):
            self.guard(self._updated, optimizer)

    def _updated(self, optimizer: Optimizer) -> None:
        found = getattr(optimizer, "found_inf", None)  # a fused one skips by itself what its scaler tells it to
        if self.level != NOTHING:
            self.parameters.after(optimizer, self.measured.transfer)
            if found is not None:
                self.measured.transfer.add(("fact", SKIPPED), found)
        elif found is not None:
            self.collector.later(found, partial(self.collector.skipped, self.step))
        self._turn(optimizer)

    def _turn(self, optimizer: Optimizer) -> None:
        late, over = self.turns.is_late(optimizer), self.turns.take(optimizer, self.step)
        if late:
            self._drop()
            self._fresh()
        elif over:
            self.finish()
