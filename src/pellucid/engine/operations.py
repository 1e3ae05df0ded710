"""Calls of functions as rules see them: what went in and what came out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

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
        inputs: which of the positional arguments (by index) or keywords (by name) depend on an explained input.
        out: what it gave, detached, with the value that it had right after the call.
        readers: the recorded operations that read `out`, in order.
        uses: how many calls of any kind read `out`.
        first: whether an input of it is an explained input of the model as it entered, at most reshaped or padded.
        padding: how it was padded, as in `torch.nn.functional.pad`.
        reached: whether the gradient of the backward under way has arrived at `out`.
        scale: which of `inputs` only scales the other, where this is a product or quotient of two (`Factors.scale`).
        weights: which of `inputs` a softmax made, where exactly one of several is such.
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
    padding: tuple[int, ...] = ()
    reached: bool = False
    scale: int | None = None
    weights: int | None = None

    def value(self, key: int | str) -> Any:
        """The argument at a position, or of a name."""
        return self.args[key] if isinstance(key, int) else self.kwargs[key]


class Met(NamedTuple):
    """A call on the way from an explained input, whether a rule names it or not.

    Args:
        name: of the function.
        place: where it ran.
        inputs: as in `Operation`; a nest of tensors counts as one.
        first, scale, weights: as in `Operation`; only known where a rule names the call.
        unclear: a factor of it has the form of a scale, but of some other tensor.
        custom: this is a `torch.autograd.Function`, seen in the graph only; its place is that of the call that follows,
            or of the model, and `inputs` only counts what depends on an explained input.
    """

    name: str
    place: Place
    inputs: tuple[int | str, ...]
    first: bool = False
    scale: int | None = None
    weights: int | None = None
    unclear: bool = False
    custom: bool = False
