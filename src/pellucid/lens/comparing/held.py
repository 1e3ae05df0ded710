"""The layers of a model that hold numbers: their weights and running statistics."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.engine.looker import unwrapped
from pellucid.lens.lens import Lens

_PACKED = ("weight", "bias")  # methods of PyTorch's quantised layers


@dataclass(frozen=True, eq=False)
class Layer:
    """A module with tensors of its own.

    Args:
        path: its name.
        kind: class name.
        weights: its parameters, by name.
        statistics: its floating buffers, by name.
    """

    path: str
    kind: str
    weights: dict[str, Tensor] = field(default_factory=dict)
    statistics: dict[str, Tensor] = field(default_factory=dict)

    @property
    def called(self) -> str:
        """Its name; of the whole model, which has none, its class."""
        return self.path or self.kind

    @property
    def shape(self) -> tuple[int, ...]:
        """Of its largest tensor, which is what tells layers apart."""
        tensors = [*self.weights.values(), *self.statistics.values()]
        return max((tuple(one.shape) for one in tensors), key=lambda shape: (len(shape), shape))

    @property
    def is_map(self) -> bool:
        """Whether it mixes channels, as a convolution or a linear layer does, rather than scaling each."""
        return len(self.shape) > 1

    @property
    def parameters(self) -> int:
        return sum(one.numel() for one in self.weights.values())

    @cached_property
    def not_finite(self) -> int:
        """How many of its numbers are NaN or infinite."""
        held = flat([*self.weights.values(), *self.statistics.values()])
        return len(held) - int(held.isfinite().sum())


def layers_of(lens: Lens) -> list[Layer]:
    """Every layer with numbers of its own, in the order of a forward that was seen, else as registered."""
    found: list[Layer] = []
    for path, module in unwrapped(lens.model).named_modules():
        weights, buffers = _own(module)
        statistics = {name: one for name, one in buffers.items() if one.is_floating_point()}
        if any(one.ndim for one in (*weights.values(), *statistics.values())):
            found.append(Layer(path, type(module).__name__, weights, statistics))
    ran: dict[str, int] = {}
    for number, row in enumerate(lens.layers().rows):
        ran.setdefault(row["address"].partition("#")[0], number)
    return sorted(found, key=lambda one: ran.get(one.path, len(ran)))


def _own(module: nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Weights as they are used, and buffers: what is pruned without its holes, what is quantised as plain numbers."""
    weights: dict[str, Tensor] = dict(module.named_parameters(recurse=False))
    buffers = dict(module.named_buffers(recurse=False))
    pruned = [name.removesuffix("_orig") for name in weights if name.endswith("_orig")]
    masked = {
        name: weights.pop(f"{name}_orig") * buffers.pop(f"{name}_mask") for name in pruned if f"{name}_mask" in buffers
    }
    packed = {name: getattr(module, name)() for name in _PACKED if callable(getattr(module, name, None))}
    plain = {name: one.dequantize() for name, one in packed.items() if isinstance(one, Tensor)}
    return {**masked, **plain, **weights}, buffers


def flat(tensors: Sequence[Tensor]) -> Tensor:
    """Everything in one vector, in double precision, on the CPU."""
    return torch.cat([one.detach().cpu().double().flatten() for one in tensors]) if tensors else torch.zeros(0).double()


@dataclass(frozen=True)
class Change:
    """From one layer's numbers to another's.

    Args:
        size: ‖ΔW‖ / ‖W‖ of the parameters; NaN if they differ in shape, are not finite, or there are none.
        cosine: of the angle between them.
        statistics: ‖ΔS‖ / ‖S‖ of the running statistics.
    """

    size: float
    cosine: float
    statistics: float


def change(one: Layer, two: Layer) -> Change:
    """By how much the second differs from the first; tensors are paired in the order in which they are held."""
    if one.not_finite or two.not_finite:
        return Change(*(float("nan"),) * 3)
    return Change(*_moved(one.weights, two.weights), _moved(one.statistics, two.statistics)[0])


def _moved(one: dict[str, Tensor], two: dict[str, Tensor]) -> tuple[float, float]:
    pairs = _paired(one, two)
    if not pairs:
        return float("nan"), float("nan")
    a, b = flat([first for first, _ in pairs]), flat([second for _, second in pairs])
    size, other = float(a.norm()), float(b.norm())
    gap = float((b - a).norm())
    relative = gap / size if size > 0 else 0.0 if gap == 0 else float("inf")
    if not (size > 0 and other > 0):
        return relative, float("nan")
    return relative, min(1.0, max(-1.0, float(a @ b) / (size * other)))


def _paired(one: dict[str, Tensor], two: dict[str, Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Tensors of one name, or all in order; nothing where shapes differ."""
    by_name = [(one[name], two[name]) for name in one if name in two]
    pairs: list[tuple[Any, Any]] = by_name if len(by_name) == len(one) == len(two) else []
    if not pairs and len(one) == len(two):
        pairs = list(zip(one.values(), two.values(), strict=True))
    return pairs if all(a.shape == b.shape for a, b in pairs) else []
