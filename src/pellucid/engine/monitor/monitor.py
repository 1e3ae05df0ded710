"""Watches a training: chooses the steps, measures, and never gets in its way."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from threading import get_ident
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from pellucid.engine.monitor.births import Again, is_bad, tensors
from pellucid.engine.monitor.budget import EVERYTHING, NOTHING, Budget
from pellucid.engine.monitor.collector import Collector
from pellucid.engine.monitor.entries import Entries
from pellucid.engine.monitor.guard import Guard
from pellucid.engine.monitor.measured import Measured, note_rates
from pellucid.engine.monitor.parameters import Parameters, step_hooks
from pellucid.engine.monitor.sample import Item, Told
from pellucid.engine.monitor.scaling import Scale
from pellucid.engine.monitor.walk import Walk


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
        self.model, self.optimizers, self.put, self.budget = model, optimizers, put, budget
        self.scale, self.parameters = Scale(scaler), Parameters(model)
        self.collector = Collector(put, self.parameters)
        self.step = budget.begun = start
        self.paths = watched(model) if seen else {}
        self.whole = not any(map(is_compiled, model.modules()))
        self.here = all(one.device.type == "cpu" for one in model.parameters())
        self.guard = Guard(time.thread_time if self.here else time.perf_counter)
        self.handles: list[Any] = []
        self.entries = Entries(self.paths, self._begin, self._end)
        self.known: set[int] = {id(one) for one in optimizers}
        self.thread, self.began = get_ident(), time.perf_counter()
        self.again = Again(model, self.paths)
        self.mark, self.depth, self.node = self.guard.clock(), 0, 0
        self.walk: Walk | None = None
        self._fresh()

    def open(self) -> None:
        """Begin to watch."""
        self.put(Told(step=self.step, every=self.budget.intervals))
        self.collector.tell()
        self.entries.open()
        self.handles += step_hooks(self.optimizers, self._before, self._after)
        self.mark = self.guard.clock()

    def close(self) -> None:
        """Leave the model as it was found, and read what is still on its way."""
        for handle in self.handles:
            handle.remove()
        self.handles = []
        self.entries.close()
        self._drop()
        self.guard(lambda: self.collector.collect(wait=True))

    def log(self, metrics: dict[str, Any]) -> None:
        """Numbers of the step that is under way, or of the one that has just ended."""
        step = self.step if self.calls else max(self.step - 1, self.budget.begun)
        self.guard(lambda: self.collector.log(step, metrics, self.node))

    def _begin(self, path: str, module: nn.Module, args: Any, kwargs: Any) -> None:
        if self._is_ours() and (self.depth or torch.is_grad_enabled()):
            self.guard(lambda: self._enter(path, module, args, kwargs))

    def _is_ours(self) -> bool:
        return not (self.again.running or torch.compiler.is_compiling()) and get_ident() == self.thread

    def _enter(self, path: str, module: nn.Module, args: Any, kwargs: Any) -> None:
        self.depth += 1
        if self.depth > 1:
            if self.walk is not None and not path:
                self.walk.begin(module)
            return
        self.entries.known.add(path)
        self.calls[path] += 1
        self.collector.collect()
        if self.here and not self.collector.born:
            self.given = args, kwargs, torch.get_rng_state()
        if self.level == EVERYTHING and path not in self.walked:
            self.scale.note(self.measured)
            trace = not self.here and not self.collector.born
            visitor = self.measured.visitor(self.collector.row, self.guard, trace=trace)
            self.walk = Walk(self.paths, visitor, functions=self.whole)
            self.walk.begin(module, path)

    def _end(self, path: str, module: nn.Module, args: Any, output: Any) -> None:
        if self.depth and self._is_ours():
            self.guard(lambda: self._leave(path, module, output))
            if self.guard.error:
                self._drop()

    def _leave(self, path: str, module: nn.Module, output: Any) -> None:
        self.depth -= 1
        if self.walk is not None and (not path or not self.depth):
            self.walked |= self.walk.calls.keys()
            self.walk.end(module, output, path)
        if self.depth:
            return
        self.walk = None
        every = [] if output is None else tensors(output)
        self.node = next((one.grad_fn._sequence_nr() for one in every if one.grad_fn is not None), 0)
        if self.given is not None and not self.collector.born and is_bad(every):
            self.collector.bear(self.again(self.given, self.step, self.collector.clean, path))
        elif not self.here and every and not self.collector.born:
            self.collector.scalars.append((self.step, "", every[0].detach().sum(dtype=torch.float32)))

    def _before(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if self.guard.error or not self.parameters.of(optimizer):
            return
        if id(optimizer) in self.stepped:
            self.guard(self.finish)
        closure = callable(kwargs.get("closure", args[1] if len(args) > 1 else None))  # args begin with the optimizer
        if self.level != NOTHING:
            self.guard(lambda: self._measure(optimizer, closure=closure))

    def _measure(self, optimizer: Optimizer, *, closure: bool) -> None:
        self.scale.note(self.measured, calling=True)
        note_rates(self.measured, optimizer, len(self.stepped))
        self.parameters.before(
            optimizer, self.measured.transfer, first=not self.stepped, dear=self.level == EVERYTHING, closure=closure
        )

    def _after(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if not self.guard.error and self.parameters.of(optimizer):
            self.guard(lambda: self._updated(optimizer))

    def _updated(self, optimizer: Optimizer) -> None:
        if self.level != NOTHING:
            self.parameters.after(optimizer, self.measured.transfer)
        self.stepped, self.known = self.stepped | {id(optimizer)}, self.known | {id(optimizer)}
        if self.stepped >= self.known:
            self.finish()

    def finish(self) -> None:
        """The step is over."""
        now = self.guard.clock()
        if self.level != NOTHING:
            self.measured.seconds = time.perf_counter() - self.began
            self.measured.facts["forwards"] = float(max(self.calls.values(), default=0))
            self.collector.take(self.measured)
        self._drop()
        self.entries.stepped(self.step + 1 - self.budget.begun)
        whole, self.mark = now - self.mark, now
        if self.budget.spent(self.step, self.level, self.guard.own, whole):
            self.put(Told(step=self.step + 1, every=self.budget.intervals))
        self.guard.own, self.step = 0.0, self.step + 1
        self._fresh()
        self.collector.collect()

    def _fresh(self) -> None:
        self.level, self.stepped = self.budget.level(self.step), set[int]()
        self.calls, self.walked = Counter[str](), set[str]()
        self.measured = Measured(self.step, 0.0, everything=self.level == EVERYTHING)
        self.given: Any = None

    def _drop(self) -> None:
        """Nothing of ours stays on the model or in a graph."""
        if self.walk is not None:
            self.walk.close()
        if self.measured.activations is not None:
            self.measured.activations.close()
        self.walk, self.given, self.depth = None, None, 0
        self.parameters.forget()


def is_compiled(module: nn.Module) -> bool:
    """Whether a module runs as compiled code."""
    return hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None


def watched(model: nn.Module) -> dict[str, nn.Module]:
    """The modules that hooks can lie on: not what is scripted, nor what lies inside compiled parts."""
    closed = tuple(f"{path}." for path, module in model.named_modules() if path and is_compiled(module))
    return {
        path: module
        for path, module in model.named_modules()
        if not isinstance(module, torch.jit.ScriptModule) and not path.startswith(closed or ("\0",))
    }
