"""One awkward network and what is known of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

STORED = 4


@dataclass(frozen=True)
class Network:
    """A small network that is awkward in some way.

    Args:
        name: how tests call it.
        build: makes it; the same bits at every call, the caller's random state untouched.
        x: number of examples → input; `x(1)` holds the first example of `x(2)`.
        quirks: what is awkward about it, for tests that need such a network.
        refuses: method → pattern that the refusal must contain. A method that is not listed must work.
    """

    name: str
    build: Callable[[], nn.Module]
    x: Callable[[int], Any]
    quirks: frozenset[str] = frozenset()
    refuses: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


def seeded(make: Callable[[], nn.Module], seed: int = 0) -> Callable[[], nn.Module]:
    """A builder in evaluation mode whose weights depend on `seed` alone."""

    def build() -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return make().eval()

    return build


def normal(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 1) -> Callable[[int], Tensor]:
    """Inputs of independent normal numbers, `(examples, *shape)`."""

    def x(examples: int) -> Tensor:
        values = torch.randn(STORED, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        return values[:examples].to(dtype)

    return x


def integers(high: int, *shape: int, seed: int = 1) -> Callable[[int], Tensor]:
    """Inputs of independent integers below `high`, `(examples, *shape)`."""

    def x(examples: int) -> Tensor:
        return torch.randint(high, (STORED, *shape), generator=torch.Generator().manual_seed(seed))[:examples].clone()

    return x


def scores(model: nn.Module, x: Any) -> Tensor:
    """The first floating tensor that the network answers an input with."""
    out = model(**x) if isinstance(x, Mapping) else model(*x) if isinstance(x, tuple) else model(x)
    return first_floating(out)


def first_floating(out: Any) -> Tensor:
    """The first floating tensor of a tensor, tuple, dict or dataclass."""
    out = vars(out) if hasattr(out, "logits") else out
    parts = list(out.values()) if isinstance(out, Mapping) else out if isinstance(out, tuple) else [out]
    return next(part for part in parts if isinstance(part, Tensor) and part.is_floating_point())
