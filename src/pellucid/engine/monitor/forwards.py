"""The forwards of a training: counted, followed where everything is measured, and looked at again where they break."""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from threading import get_ident
from typing import Any

import torch
from torch import nn

from pellucid.core.text import Text
from pellucid.engine.monitor.activations import Activations
from pellucid.engine.monitor.births import Again, Given, is_bad, tensors
from pellucid.engine.monitor.collector import Collector
from pellucid.engine.monitor.entries import Entries
from pellucid.engine.monitor.guard import Guard
from pellucid.engine.monitor.walk import Walk

UNSEEN = Text(
    "Steps went by without a forward of the model, so activations are unseen: it is compiled, or another was called.",
    "有的步中没有看到模型的前向传播，因此看不到激活：模型已编译，或调用的是另一个模型。",
)


class Forwards:
    """Those with gradients, in the thread that opened it; what is in evaluation and was in training before is none.

    Args:
        model: as it is called, without wrappers.
        paths: the modules that hooks can lie on.
        collector: is told what is not finite.
        here: the model is on the CPU, where looking at an output waits for nothing.

    `calls` counts them in this step, by the path of what was called; `node` is the sequence number of the graph's node
    that gave the last output, `seen` whether there was any forward so far.
    """

    def __init__(
        self, model: nn.Module, paths: Mapping[str, nn.Module], collector: Collector, guard: Guard, *, here: bool
    ) -> None:
        self.paths, self.collector, self.guard, self.here = paths, collector, guard, here
        self.whole = not any(map(is_compiled, model.modules()))
        self.entries, self.again = Entries(paths, self._begin, self._end), Again(model, paths)
        self.thread, self.trained = get_ident(), set[str]()
        self.walk: Walk | None = None
        self.depth = self.node = 0
        self.seen = False
        self.fresh(0)

    def fresh(self, step: int, visitor: Callable[[], Activations] | None = None) -> None:
        """Another step begins.

        Args:
            visitor: makes what measures this step's forwards; None: they are not followed.
        """
        self.step, self.visitor = step, visitor
        self.calls, self.walked = Counter[str](), set[str]()
        self.given: tuple[Given, str] | None = None

    def drop(self) -> None:
        """Nothing of ours stays on the model."""
        if self.walk is not None:
            self.walk.close()
        self.walk, self.given, self.depth = None, None, 0

    def broken_back(self) -> None:
        """Gradients of this step are not finite, though outputs were: tell where that began, if it shows again."""
        found = None if self.given is None else self.again.backward(self.given[0], self.step, self.given[1])
        if found is not None:
            self.collector.bear(found)

    def _begin(self, path: str, module: nn.Module, args: Any, kwargs: Any) -> None:
        if self._is_ours() and (self.depth or (torch.is_grad_enabled() and self._trains(path, module))):
            self.guard(self._enter, path, module, args, kwargs)

    def _is_ours(self) -> bool:
        return not (self.again.running or torch.compiler.is_compiling()) and get_ident() == self.thread

    def _trains(self, path: str, module: nn.Module) -> bool:
        if module.training:
            self.trained.add(path)
            return True
        return not any(path == one or not one or path.startswith(f"{one}.") for one in self.trained)

    def _enter(self, path: str, module: nn.Module, args: Any, kwargs: Any) -> None:
        self.depth += 1
        if self.depth > 1:
            if self.walk is not None and not path:
                self.walk.begin(module)
            return
        self.seen = True
        self.entries.known.add(path)
        self.calls[path] += 1
        self.collector.collect()
        self.collector.settle()
        if self.here and not self.collector.born:
            self.given = (args, kwargs, torch.get_rng_state()), path
        if self.visitor is not None and path not in self.walked:
            self.walk = Walk(self.paths, self.visitor(), functions=self.whole)
            self.walk.begin(module, path)

    def _end(self, path: str, module: nn.Module, args: Any, output: Any) -> None:
        if self.depth and self._is_ours():
            self.guard(self._leave, path, module, output)
            if self.guard.error:
                self.drop()

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
            self.collector.bear(self.again.forward(self.given[0], self.step, self.collector.clean, path))
        elif not self.here and every and not self.collector.born:
            self.collector.later(every[0].detach().sum(dtype=torch.float32), partial(self.collector.given, self.step))


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
