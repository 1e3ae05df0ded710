"""One forward of a model that trains, followed call by call: nothing that flows is touched."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from threading import get_ident
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack

from pellucid.core.sites import Place
from pellucid.engine.calls import known


@dataclass
class Frame:
    """A call of a module that is under way."""

    path: str
    call: int
    module: nn.Module
    counts: dict[str, int] = field(default_factory=dict)
    last: str = ""


class Visitor(Protocol):
    """What is told of a forward."""

    def called(self, frame: Frame, place: Place, args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> None:
        """A function was called directly inside the module of `frame`."""
        ...

    def left(self, frame: Frame, out: Any) -> None:
        """A module gave its output."""
        ...


class Walk:
    """Follows calls of modules, and of functions unless `functions` is False.

    Hooks lie on every module but the model itself. The call that is followed, of the model or of a part of it that is
    called alone, is told by `begin` and `end`.
    """

    def __init__(self, paths: Mapping[str, nn.Module], visitor: Visitor, *, functions: bool = True) -> None:
        self.paths, self.visitor = paths, visitor
        self.stack: list[Frame] = []
        self.calls: dict[str, int] = {}
        self.handles: list[Any] = []
        self.functions, self.opened, self.thread = functions, False, 0
        self.mode: _Mode | None = None

    def begin(self, module: nn.Module, path: str = "") -> None:
        """The model, or its part at a path, is about to run."""
        self.open()
        self._enter(path, module, ())

    def open(self) -> None:
        """Lay the hooks, where they do not lie yet."""
        if self.opened:
            return
        self.opened, self.thread = True, get_ident()
        for path, module in self.paths.items():
            if path:
                self.handles.append(module.register_forward_pre_hook(partial(self._enter, path)))
                self.handles.append(module.register_forward_hook(partial(self._leave, path), always_call=True))
        if self.functions:
            self.mode = _Mode(self)
            self.mode.__enter__()

    def end(self, module: nn.Module, output: Any, path: str = "") -> None:
        """It has run; after the outermost call everything is taken off again."""
        self._leave(path, module, (), output)
        if not any(frame.path == path for frame in self.stack):
            self.close()

    def close(self) -> None:
        """Take everything off the model, whatever has happened."""
        for handle in self.handles:
            handle.remove()
        self.opened, self.handles, self.stack, self.calls = False, [], [], {}
        if self.mode is not None:
            stack = _get_current_function_mode_stack()
            if stack and stack[-1] is self.mode:
                self.mode.__exit__(None, None, None)
                self.mode = None

    def _enter(self, path: str, module: nn.Module, args: Any) -> None:
        if torch.compiler.is_compiling() or get_ident() != self.thread:
            return
        call = self.calls.get(path, 0)
        self.calls[path] = call + 1
        self.stack.append(Frame(path, call, module))

    def _leave(self, path: str, module: nn.Module, args: Any, output: Any) -> None:
        if torch.compiler.is_compiling() or get_ident() != self.thread:
            return
        while self.stack:
            frame = self.stack.pop()
            if frame.path == path:
                if output is not None:
                    with torch._C.DisableTorchFunction():
                        self.visitor.left(frame, output)
                return


class _Mode(TorchFunctionMode):
    def __init__(self, owner: Walk) -> None:
        super().__init__()
        self.owner = owner

    def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if torch.compiler.is_compiling():
            return func(*args, **kwargs)
        call = known(func)
        walk = self.owner
        if call.silent or not walk.stack or not walk.opened or get_ident() != walk.thread:
            return func(*args, **kwargs)
        if call.inner is not None:
            with self:
                return call.inner(*args, **kwargs)
        frame = walk.stack[-1]
        out = func(*args, **kwargs)
        if isinstance(out, (Tensor, tuple, list)):
            n = frame.counts.get(call.name, 0)
            frame.counts[call.name] = n + 1
            frame.last = call.name
            walk.visitor.called(frame, Place(frame.path, frame.call, call.name, n), args, kwargs, out)
        return out
