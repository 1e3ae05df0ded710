"""Which calls of modules come from outside: those of the model, and those of parts that a training calls itself."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import nn

LEARNING = 3  # steps in which every module is listened to


class Entries:
    """Hooks on every module at first; after some steps only on those that were called from outside.

    A generator and its discriminator, an encoder, the network in a module of Lightning: the whole may never be called.

    Args:
        paths: the modules.
        begin: called with the path before a module runs, then as a forward pre-hook.
        end: called with the path after it has run or raised, then as a forward hook.

    `known` are the paths that were called from outside; the model itself always is.
    """

    def __init__(self, paths: Mapping[str, nn.Module], begin: Callable[..., None], end: Callable[..., None]) -> None:
        self.paths, self.begin, self.end = paths, begin, end
        self.handles: dict[str, tuple[Any, Any]] = {}
        self.known: set[str] = {""}

    def open(self) -> None:
        """Listen."""
        for path, module in self.paths.items():
            before = module.register_forward_pre_hook(partial(self.begin, path), with_kwargs=True)
            self.handles[path] = before, module.register_forward_hook(partial(self.end, path), always_call=True)

    def stepped(self, count: int) -> None:
        """So many steps are over: what was never called from outside is listened to no longer."""
        if count == LEARNING:
            self._let_go(self.handles.keys() - self.known)

    def close(self) -> None:
        """Take every hook off."""
        self._let_go(set(self.handles))

    def _let_go(self, paths: set[str]) -> None:
        for path in paths:
            for handle in self.handles.pop(path):
                handle.remove()
