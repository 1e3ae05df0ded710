"""What a model is called with, and which of it is explained."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from pellucid.core.text import Text
from pellucid.results.base import Base


@dataclass(frozen=True, eq=False)
class Inputs:
    """Arguments of one call of the model, batch axis leading.

    Args:
        args, kwargs: as in `model(*args, **kwargs)`; values that are not tensors stay the same for every example.
        base: what an attribution to each explained input is drawn on, by input name.
        embedded: replaces the output of the embedding that reads an integer input, by input name.
        notes: what the reader must know about how the input was read.
        shared: names of inputs that belong to all examples alike, without a row for each.
        labels: what the classes of the output are called, where the input says so.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    base: dict[str, Base] = field(default_factory=dict)
    embedded: dict[str, Tensor] = field(default_factory=dict)
    notes: tuple[Text, ...] = ()
    shared: frozenset[str] = frozenset()
    labels: tuple[str, ...] = ()

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Every tensor argument by name: `"input"` if it is the only one, else its position or keyword."""
        named = {str(i): value for i, value in enumerate(self.args) if isinstance(value, Tensor)}
        named.update({key: value for key, value in self.kwargs.items() if isinstance(value, Tensor)})
        return {"input": next(iter(named.values()))} if len(named) == 1 else named

    @property
    def explained(self) -> tuple[str, ...]:
        """Names of the explained inputs: the floating tensors, or the first integer one (at its embedding)."""
        tensors = self.tensors
        floating = tuple(name for name, value in tensors.items() if value.is_floating_point() or value.is_complex())
        return floating or tuple(tensors)[:1]

    @property
    def is_discrete(self) -> bool:
        """Whether the explained input is integer, hence explained at the output of its embedding."""
        return not any(value.is_floating_point() for value in self.tensors.values())

    @property
    def size(self) -> int:
        """Number of examples."""
        first = next((value for name, value in self.tensors.items() if name not in self.shared), None)
        return 1 if first is None or first.ndim == 0 else first.shape[0]

    @property
    def signature(self) -> tuple[Any, ...]:
        """Shapes without the batch axis, dtypes and other arguments: inputs alike in this follow the same trace."""
        others = [*enumerate(self.args), *self.kwargs.items()]
        return (
            *((name, tuple(value.shape[1:]), value.dtype) for name, value in self.tensors.items()),
            *((name, _told(value)) for name, value in others if not isinstance(value, Tensor)),
        )

    def canvas(self, rank: int) -> Base | None:
        """The base with `rank` spatial axes (2 for images), to draw maps of inner layers on; None if there is none."""
        kinds = {1: ("series", "tokens"), 2: ("image",), 3: ("volume",)}.get(rank, ())
        return next((base for base in self.base.values() if base.kind in kinds), None)

    def replaced(self, values: Mapping[str, Tensor]) -> "Inputs":
        """The same call with other values for some explained inputs (embeddings for an integer input)."""
        if self.is_discrete:
            return replace(self, embedded={**self.embedded, **values})
        return self.mapped(values.get)

    def mapped(self, change: Callable[[str, Tensor], Tensor]) -> "Inputs":
        """The same call with `change(name, tensor)` for every tensor argument."""
        alone = len(self.tensors) == 1
        args = tuple(
            change("input" if alone else str(i), value) if isinstance(value, Tensor) else value
            for i, value in enumerate(self.args)
        )
        kwargs = {
            key: change("input" if alone else key, value) if isinstance(value, Tensor) else value
            for key, value in self.kwargs.items()
        }
        return replace(self, args=args, kwargs=kwargs)

    def rows(self, start: int, stop: int) -> "Inputs":
        """Examples `start` to `stop`."""
        size = self.size
        cut = self.mapped(
            lambda name, value: (
                value[start:stop] if value.ndim and value.shape[0] == size and name not in self.shared else value
            )
        )
        base = {
            name: replace(
                one,
                values=None if one.values is None else one.values[start:stop],
                names=one.names[start:stop] if len(one.names) == size > 1 or one.kind == "tokens" else one.names,
            )
            for name, one in self.base.items()
        }
        return replace(cut, base=base, embedded={name: value[start:stop] for name, value in self.embedded.items()})

    def repeated(self, times: int) -> "Inputs":
        """The whole batch `times` times over: example `i` of copy `k` is row `k * size + i`."""
        size = self.size

        def tiled(name: str, value: Tensor) -> Tensor:
            return value if name in self.shared else tile(value)

        def tile(value: Tensor) -> Tensor:
            return value.repeat(times, *[1] * (value.ndim - 1)) if value.ndim and value.shape[0] == size else value

        return replace(self.mapped(tiled), embedded={k: tile(v) for k, v in self.embedded.items()})

    def same_bits(self, other: "Inputs") -> bool:
        """Whether a deterministic model must answer both alike.

        Structure, dtypes, strides, devices and bytes are compared.
        """
        if self is other:
            return True
        if (
            len(self.args) != len(other.args)
            or self.kwargs.keys() != other.kwargs.keys()
            or self.embedded.keys() != other.embedded.keys()
        ):
            return False
        pairs = [
            *zip(self.args, other.args, strict=True),
            *((self.kwargs[key], other.kwargs[key]) for key in self.kwargs),
            *((self.embedded[key], other.embedded[key]) for key in self.embedded),
        ]
        return all(_same(a, b) for a, b in pairs)


def _told(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float, str, type(None))) else type(value).__name__


def _same(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        if (a.shape, a.dtype, a.device, a.stride()) != (b.shape, b.dtype, b.device, b.stride()):
            return False
        return torch.equal(_bits(a), _bits(b))
    return type(a) is type(b) and not isinstance(a, Tensor) and a == b


def _bits(value: Tensor) -> Tensor:
    value = torch.view_as_real(value) if value.is_complex() else value
    width = {8: torch.int64, 4: torch.int32, 2: torch.int16, 1: torch.int8}[value.element_size()]
    return value.detach().view(width) if value.is_floating_point() else value
