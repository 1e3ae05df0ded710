"""Calls of functions as rules see them: what went in and what came out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from pellucid.core.sites import Place


@dataclass(eq=False)
class Operation:
    """One function call of a forward, kept for a rule that replaces its backward.

    Args:
        name: of the function, as in addresses: `"conv2d"`, `"linear"`, `"relu"`, `"mul"`, `"batch_norm"`.
        place: where it ran.
        func: the function itself, to be called again on other values.
        args, kwargs: what it was called with; tensors detached, with the values that they had before the call.
        inputs: which of the positional arguments (by index) or keywords (by name) are tensors on the graph, in order.
        out: what it gave, detached, with the value that it had right after the call.
        readers: the recorded operations that read `out`, in order.
        uses: how many calls of any kind read `out`.
        first: whether an input of it is an explained input of the model, as it entered.
    """

    name: str
    place: Place
    func: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    inputs: tuple[int | str, ...]
    out: Tensor
    readers: "list[Operation]" = field(default_factory=list)
    uses: int = 0
    first: bool = False
