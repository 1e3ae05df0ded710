"""Watches a training: chooses the steps, measures, and never gets in its way."""

import logging
import math
import time
import warnings
from collections.abc import Callable, Sequence
from threading import get_ident
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from pellucid.engine.monitor.activations import Activations
from pellucid.engine.monitor.births import first_birth, is_bad, tensors
from pellucid.engine.monitor.budget import EVERYTHING, NOTHING, Budget
from pellucid.engine.monitor.collector import Collector, Measured
from pellucid.engine.monitor.parameters import Parameters
from pellucid.engine.monitor.sample import Birth, Item, Told
from pellucid.engine.monitor.scaling import calling_scaler, scale_of
from pellucid.engine.monitor.walk import Walk

_LOG = logging.getLogger("pellucid")
_TRIES = 3


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
        self.model, self.optimizers, self.put, self.budget, self.scaler = model, optimizers, put, budget, scaler
        self.parameters = Parameters(model)
        self.collector = Collector(put, self.parameters)
        self.seen, self.step, budget.begun = seen, start, start
        self.paths = watched(model) if seen else {}
        self.whole = not any(map(is_compiled, model.modules()))
        self.here = all(one.device.type == "cpu" for one in model.parameters())
        self.handles: list[Any] = []
        self.known: set[int] = {id(one) for one in optimizers}
        self.error, self.own, self.node, self.tries = "", 0.0, 0, 0
        self.clock = time.thread_time if self.here else time.perf_counter
        self.thread, self.began = get_ident(), time.perf_counter()
        self.mark, self.aside, self.depth = self.clock(), False, 0
        self.walk: Walk | None = None
        self.given: Any = None
        self._fresh()

    def open(self) -> None:
        """Begin to watch."""
        self.put(Told(step=self.step, every=self.budget.intervals))
        self.collector.tell()
        if self.seen:
            self.handles.append(self.model.register_forward_pre_hook(self._begin, with_kwargs=True))
            self.handles.append(self.model.register_forward_hook(self._end, always_call=True))
        for one in self.optimizers:
            self.handles += [one.register_step_pre_hook(self._before), one.register_step_post_hook(self._after)]
        if not self.optimizers:
            self.handles.append(register_optimizer_step_pre_hook(self._before))
            self.handles.append(register_optimizer_step_post_hook(self._after))
        self.mark = self.clock()

    def close(self) -> None:
        """Leave the model as it was found, and read what is still on its way."""
        for handle in self.handles:
            handle.remove()
        self.handles = []
        self._drop()
        self.guard(lambda: self.collector.collect(wait=True))

    def log(self, metrics: dict[str, Any]) -> None:
        """Numbers of the step that is under way, or of the one that has just ended."""
        step = self.step if self.forwards else max(self.step - 1, self.budget.begun)
        self.guard(lambda: self.collector.log(step, metrics, self.node))

    def guard(self, work: Callable[[], None]) -> None:
        """Run what must never raise, and count its time."""
        if self.error:
            return
        began = self.clock()
        try:
            work()
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}"
            _warn(f"pellucid stops watching this training, which goes on: {self.error}")
        finally:
            self.own += self.clock() - began

    def finish(self) -> None:
        """The step is over; also for loops without an optimizer."""
        self.guard(self._finish)

    def _begin(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if not (self.aside or torch.compiler.is_compiling()) and torch.is_grad_enabled() and get_ident() == self.thread:
            self.guard(lambda: self._enter(args, kwargs))

    def _enter(self, args: Any, kwargs: Any) -> None:
        self.depth += 1
        if self.depth > 1:
            if self.walk is not None:
                self.walk.begin(self.model)
            return
        self.forwards += 1
        self.collector.collect()
        if self.here and not self.collector.born:
            self.given = args, kwargs, torch.get_rng_state()
        if self.level == EVERYTHING and self.forwards == 1:
            self._scaled()
            trace = not self.here and not self.collector.born
            self.measured.activations = Activations(self.measured.transfer, self.collector.row, self.guard, trace=trace)
            self.walk = Walk(self.paths, self.measured.activations, functions=self.whole)
            self.walk.begin(self.model)

    def _end(self, module: nn.Module, args: Any, output: Any) -> None:
        if self.depth and not (self.aside or torch.compiler.is_compiling()) and get_ident() == self.thread:
            self.guard(lambda: self._leave(output))
            if self.error:
                self._drop()

    def _leave(self, output: Any) -> None:
        self.depth -= 1
        if self.walk is not None:
            self.walk.end(self.model, output)
        if self.depth:
            return
        self.walk = None
        given, self.given = self.given, None
        every = [] if output is None else tensors(output)
        self.node = next((one.grad_fn._sequence_nr() for one in every if one.grad_fn is not None), 0)
        if given is not None and is_bad(every):
            self.aside = True
            try:
                args, kwargs, random = given
                born = first_birth(self.model, self.paths, args, kwargs, random, self.step, self.collector.clean)
            finally:
                self.aside = False
            self.collector.bear(born or Birth(self.step, "output"))
        elif not self.here and every and not self.collector.born:
            self.collector.scalars.append((self.step, "", every[0].detach().sum(dtype=torch.float32)))

    def _before(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if self.error or not self.parameters.of(optimizer):
            return
        if id(optimizer) in self.stepped:
            self.guard(self._finish)
        closure = callable(kwargs.get("closure", args[0] if args else None))
        if self.level != NOTHING:
            self.guard(lambda: self._measure(optimizer, closure=closure))

    def _measure(self, optimizer: Optimizer, *, closure: bool) -> None:
        if self.scaler is None and self.tries < _TRIES:
            self.tries, self.scaler = self.tries + 1, calling_scaler()
        self._scaled()
        for i, group in enumerate(optimizer.param_groups):
            name, rate = f"rate.{len(self.stepped)}.{i}" if self.stepped else f"rate.{i}", group.get("lr", math.nan)
            if isinstance(rate, Tensor):
                self.measured.transfer.add(("fact", name), rate)
            else:
                self.measured.facts[name] = float(rate)
        self.parameters.before(
            optimizer, self.measured.transfer, first=not self.stepped, dear=self.level == EVERYTHING, closure=closure
        )

    def _after(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        if not self.error and self.parameters.of(optimizer):
            self.guard(lambda: self._updated(optimizer))

    def _updated(self, optimizer: Optimizer) -> None:
        if self.level != NOTHING:
            self.parameters.after(optimizer, self.measured.transfer)
        self.stepped.add(id(optimizer))
        self.known.add(id(optimizer))
        if self.stepped >= self.known:
            self._finish()

    def _scaled(self) -> None:
        """Note the loss scale of this step, once."""
        scale = None if "scale" in self.measured.facts else scale_of(self.scaler)
        if scale is not None:
            self.measured.facts["scale"] = math.nan
            self.measured.transfer.add(("fact", "scale"), scale)

    def _finish(self) -> None:
        now = self.clock()
        if self.level != NOTHING:
            self.measured.seconds = time.perf_counter() - self.began
            self.measured.facts["forwards"] = float(self.forwards)
            self.collector.take(self.measured)
        self._drop()
        whole, self.mark = now - self.mark, now
        changed = self.budget.spent(self.step, self.level, self.own, whole)
        self.own, self.step = 0.0, self.step + 1
        if changed:
            self.put(Told(step=self.step, every=self.budget.intervals))
        self._fresh()
        self.collector.collect()

    def _fresh(self) -> None:
        self.level, self.forwards, self.stepped = self.budget.level(self.step), 0, set[int]()
        self.measured = Measured(self.step, 0.0, everything=self.level == EVERYTHING)

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


def _warn(words: str) -> None:
    """A warning, also where warnings are errors: those must not end the training."""
    try:
        warnings.warn(words, RuntimeWarning, stacklevel=2)
    except RuntimeWarning:
        _LOG.warning(words)
