"""Parts of a model that torch.compile would capture: they run as they are written, so what they call is seen.

Operators that are given functions, as `torch.cond` is, are captured by torch before they run, and a watcher cannot be.
A branch and a loop are stepped into; any other such operator is one call.
"""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from inspect import signature
from types import FunctionType
from typing import Any

import torch
from torch._ops import HigherOrderOperator


def compiler_loaded() -> bool:
    """Whether the compiler is; before that nothing can be compiled, and to load it takes seconds."""
    return "torch._dynamo" in sys.modules


def as_written() -> AbstractContextManager[Any]:
    """A context in which no part is compiled."""
    return torch.compiler.set_stance("force_eager") if compiler_loaded() else nullcontext()


def opened(func: Any, args: tuple[Any, ...]) -> Callable[..., Any] | None:
    """What to call in place of an operator that is given functions; None for anything else.

    A branch or a loop is Python code. Any other is called as torch does it: its functions are captured, and the
    operator then called with graphs, and with everything that its functions read.
    """
    if not isinstance(func, HigherOrderOperator):
        return None
    if func.name() in _IN_PYTHON:
        return _IN_PYTHON[func.name()]
    return partial(_captured, func) if any(isinstance(one, (FunctionType, partial)) for one in args) else None


def _captured(func: Any, *args: Any, **kwargs: Any) -> Any:
    from torch._higher_order_ops.utils import _maybe_compile_and_run_fn

    given = signature(func).bind(*args, **kwargs)
    defaults = given.signature.parameters
    given.arguments = {name: one for name, one in given.arguments.items() if one is not defaults[name].default}
    with torch.compiler.set_stance("default"):
        return _maybe_compile_and_run_fn(lambda *one: func(*one, **given.kwargs), *given.args)


def _branch(condition: Any, yes: Callable[..., Any], no: Callable[..., Any], operands: Any = ()) -> Any:
    return (yes if condition else no)(*operands)


def _loop(condition: Callable[..., Any], body: Callable[..., Any], carried: Any, further: Any = ()) -> Any:
    while condition(*carried, *further):
        carried = body(*carried, *further)
    return carried


_IN_PYTHON: dict[str, Callable[..., Any]] = {"cond": _branch, "while_loop": _loop}
