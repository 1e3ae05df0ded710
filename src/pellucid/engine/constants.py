"""What operations add on the way without depending on the input: biases, shifts of normalisations, constants."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from inspect import signature
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge
from torch.nn import functional

from pellucid.core.sites import Place

_WEIGHTED = frozenset({f"conv{kind}{n}d" for kind in ("", "_transpose") for n in (1, 2, 3)} | {"linear"})
_NORMS = frozenset({"batch_norm", "instance_norm", "layer_norm", "group_norm"})
_ORDER = {
    "batch_norm": ("input", "weight", "bias", "running_mean", "running_var", "training", "momentum", "eps"),
    "instance_norm": ("input", "weight", "bias", "running_mean", "running_var", "use_input_stats", "momentum", "eps"),
    "layer_norm": ("input", "normalized_shape", "weight", "bias", "eps"),
    "group_norm": ("input", "num_groups", "weight", "bias", "eps"),
}


@dataclass(eq=False)
class Added:
    """One constant of a forward.

    Args:
        place: where it is added.
        kind: "bias", "norm" or "added".
        value: broadcasts to what comes out there.
        edge: where the gradient of the sum arrives.
    """

    place: Place
    kind: str
    value: Tensor
    edge: Any = None


class Constants:
    """Asked before and after every call that reads something that depends on an explained input."""

    def __init__(self) -> None:
        self.found: list[Added] = []
        self._next: Added | None = None

    def enter(
        self, place: Place, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], inputs: tuple[int | str, ...]
    ) -> None:
        """Read the constant while its tensors are as the call sees them."""
        self._next = None
        name = place.op
        with torch.no_grad():
            if name in _WEIGHTED:
                bias = kwargs.get("bias", args[2] if len(args) > 2 else None)
                value, kind = _weighted(name, bias), "bias"
            elif name in _NORMS:
                value, kind = _shift(name, arguments(name, func, args, kwargs)), "norm"
            elif name in ("add", "sub", "rsub"):
                value, kind = _added(name, func, args, kwargs, inputs), "added"
            else:
                return
        if value is not None:
            self._next = Added(place, kind, value)

    def leave(self, out: Tensor | None) -> None:
        """The call has given `out`."""
        found, self._next = self._next, None
        if found is not None and out is not None and out.requires_grad:
            found.edge = get_gradient_edge(out)
            self.found.append(found)


@cache
def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(signature(function).parameters)


def arguments(name: str, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a normalisation by name, whichever of PyTorch's functions of that name was called."""
    plain = getattr(functional, name)
    order = _parameters(plain) if func is plain else _ORDER[name]
    return {**dict(zip(order, args, strict=False)), **kwargs}


def fixed(given: dict[str, Any]) -> bool:
    """Whether a batch or instance normalisation uses the statistics that it was given."""
    return not given.get("training", given.get("use_input_stats", True)) and given.get("running_mean") is not None


def by_channel(value: Tensor, given: dict[str, Any]) -> Tensor:
    """A value for each channel, as it broadcasts to the input of a normalisation."""
    return value.reshape(-1, *(1,) * (given["input"].ndim - 2))


def scale_and_shift(given: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """A normalisation with fixed statistics as `scale * x + shift`, one of each per channel."""
    scale = (given["running_var"] + given.get("eps", 1e-5)).rsqrt()
    if given.get("weight") is not None:
        scale = scale * given["weight"]
    shift = -given["running_mean"] * scale
    return scale, shift if given.get("bias") is None else shift + given["bias"]


def _weighted(name: str, bias: Any) -> Tensor | None:
    if not isinstance(bias, Tensor):
        return None
    return bias.detach().reshape(-1, *(1,) * (0 if name == "linear" else int(name[-2])))


def _shift(name: str, given: dict[str, Any]) -> Tensor | None:
    if name in ("batch_norm", "instance_norm") and fixed(given):
        return by_channel(scale_and_shift(given)[1], given)
    bias = given.get("bias")
    if not isinstance(bias, Tensor):
        return None
    return bias.detach() if name == "layer_norm" else by_channel(bias.detach(), given)


def _added(
    name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], inputs: tuple[int | str, ...]
) -> Tensor | None:
    """The summand that does not depend on the input, with its sign."""
    pair = dict(zip(("input", "other"), args, strict=False)) | kwargs
    a, b = pair.get("input", pair.get("self")), pair.get("other")
    at = [0 if key in (0, "input", "self") else 1 for key in inputs]
    if len(at) != 1 or a is None or b is None:
        return None
    constant = (b, a)[at[0]]
    swapped = name == "rsub" or getattr(func, "__name__", "") == "__rsub__"
    alpha = kwargs.get("alpha", 1)
    factors = (-alpha, 1) if swapped else (1, alpha if name == "add" else -alpha)
    like = (a, b)[at[0]]
    value = constant.detach() if isinstance(constant, Tensor) else like.new_tensor(float(constant))
    return value * factors[1 - at[0]]
