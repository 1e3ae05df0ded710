"""What is optimised instead of an input: parameters, and how they become one."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from pellucid.core.errors import BadSetting
from pellucid.core.text import Text
from pellucid.inputs.inputs import Inputs
from pellucid.inputs.limits import picture_limits
from pellucid.ops.colour import mixed, mixing
from pellucid.ops.draws import generator
from pellucid.ops.spectrum import falling, from_coefficients, from_phases, half, magnitudes_of, standardised

Generator = Callable[[Tensor], Tensor]
Prior = Literal["fourier", "pixels", "maco", "maco_of_x"] | Generator
PHASES = ("maco", "maco_of_x")
FIRST, NOISE = 0.01, 1.0
_NUMBER, _COPY = 0x9E3779B1, 0x85EBCA77  # odd, so that draws stay apart in the 32 bits that a generator reads
_SOFTENED = 4.0


@dataclass(frozen=True, eq=False)
class Canvas:
    """One explained input and the prior that it is made by.

    Args:
        name: of the input.
        like: the example, `(batch, channel, *grid)`.
        prior: how parameters become values.
        grid: sides of what is made.
        low, high: the box that it stays in, `(batch, channel, 1, ...)`, in units of the network.
        known: whether the box is that of pictures, not of the example.
        read: of how many rows the box is the range, column by column; 0: of the example alone.
        latent: shape of the parameters of a prior of the caller's.
        spectrum: magnitudes, where only phases are free; None: they fall with frequency.
        last: the channels are on the last axis of the input.
    """

    name: str
    like: Tensor
    prior: Prior
    grid: tuple[int, ...]
    low: Tensor
    high: Tensor
    known: bool = False
    read: int = 0
    latent: tuple[int, ...] | None = None
    spectrum: Tensor | None = None
    last: bool = False

    @property
    def kind(self) -> torch.dtype:
        """The type of the parameters."""
        return torch.float64 if self.like.dtype == torch.float64 else torch.float32

    def drawn(self, rows: int, seed: int, number: int = 0, *, spread: float = FIRST) -> Tensor:
        """Random parameters for a number of inputs; those of an example do not depend on the rest of the batch."""
        size = len(self.like)
        draws = [generator(seed, number * _NUMBER + row // size * _COPY + row % size) for row in range(rows)]
        if self.prior in PHASES:
            phases = [torch.rand(self._shape, generator=draw) * (2 * torch.pi) - torch.pi for draw in draws]
            return torch.stack(phases).to(self.like.device, self.kind)
        scale = spread if isinstance(self.prior, str) else NOISE
        made = torch.stack([torch.randn(self._shape, generator=draw) for draw in draws]) * scale
        return made.to(self.like.device, self.kind)

    @property
    def _shape(self) -> tuple[int, ...]:
        channels = self.like.shape[1]
        if not isinstance(self.prior, str):
            return self.latent or (channels, *self.grid)
        if self.prior == "pixels" or not self.grid:
            return (channels, *self.grid)
        return (channels, *half(self.grid), 2) if self.prior == "fourier" else (channels, *half(self.grid))

    def values(self, parameters: Tensor) -> Tensor:
        """The inputs `(row, channel, *grid)` that parameters mean, in units of the network.

        Raises:
            BadSetting: a prior of the caller's makes another shape.
        """
        if not isinstance(self.prior, str):
            made = self.prior(parameters)
            expected = (len(parameters), self.like.shape[1], *self.grid)
            if not isinstance(made, Tensor) or tuple(made.shape) != expected:  # pyright: ignore[reportUnnecessaryIsInstance]
                shape = tuple(made.shape) if isinstance(made, Tensor) else type(made).__name__  # pyright: ignore[reportUnnecessaryIsInstance]
                raise BadSetting(
                    Text(
                        f"the prior makes {shape} of {tuple(parameters.shape)}; the network takes {expected}",
                        f"该先验由 {tuple(parameters.shape)} 生成 {shape}，而网络需要 {expected}",
                    ),
                    hint=Text(
                        "prior=(function, shape) says the shape of the parameters of one input",
                        "prior=(函数, 形状)，其中形状是一个输入的参数的形状",
                    ),
                )
            return made
        low, high = self._box(len(parameters))
        return low + (high - low) * self.shares(parameters)

    def shares(self, parameters: Tensor) -> Tensor:
        """Where in its box each value lies, 0 to 1."""
        raw = parameters
        if self.prior == "fourier" and self.grid:
            amplitudes = falling(self.grid).to(parameters)
            raw = from_coefficients(parameters, self.grid, amplitudes) / _SOFTENED
        elif self.prior in PHASES and self.grid:
            magnitudes = falling(self.grid) if self.spectrum is None else self.spectrum
            raw = standardised(from_phases(parameters, self.grid, magnitudes.to(parameters)))
        return torch.sigmoid(mixed(raw, self._colours.to(raw)))

    def shares_of(self, values: Tensor) -> Tensor:
        """Where in its box each value lies, 0 to 1, whatever made it."""
        low, high = (side.to(values) for side in self._box(len(values)))
        return ((values - low) / (high - low)).clamp(0, 1)

    def _box(self, rows: int) -> tuple[Tensor, Tensor]:
        index = torch.arange(rows, device=self.low.device) % len(self.low)
        return self.low[index], self.high[index]

    def entered(self, values: Tensor) -> Tensor:
        """As the network takes it."""
        return (values.movedim(1, -1) if self.last else values).to(self.like.dtype)

    def back(self, value: Tensor) -> Tensor:
        """From how the network takes it to `(row, channel, *grid)`."""
        return value.movedim(-1, 1) if self.last else value

    @property
    def _colours(self) -> Tensor:
        return mixing(self.like.shape[1]) if len(self.grid) == 2 else torch.eye(self.like.shape[1])

    def measured(self) -> "Canvas":
        """The same with the magnitudes of the example itself.

        Raises:
            BadSetting: it has another size.
        """
        if tuple(self.like.shape[2:]) != self.grid:
            raise BadSetting(
                Text(
                    "prior='maco_of_x' has the magnitudes of the input itself, which size= would change",
                    "prior='maco_of_x' 使用输入自身的幅值，而 size= 会改变它",
                )
            )
        shares = (self.back(self.like).to(self.kind) - self.low) / (self.high - self.low)
        free = mixed(shares, torch.linalg.inv(self._colours).to(shares))
        return replace(self, spectrum=magnitudes_of(free, len(self.grid)))


def canvases(
    x: Inputs,
    prior: Prior | tuple[Generator, tuple[int, ...]],
    *,
    size: int | None,
    steps_first: bool,
    bounds: Inputs | None = None,
) -> list[Canvas]:
    """One for each explained input of an example.

    Args:
        prior: a function may come with the shape of what it takes for one input.
        bounds: more examples, whose range counts for inputs without a grid; None: the same.

    Raises:
        BadSetting: a size or magnitudes for an input without a grid.
    """
    found: list[Canvas] = []
    made_by, latent = prior if isinstance(prior, tuple) else (prior, None)
    if made_by in PHASES and all(x.tensors[name].ndim < 3 for name in x.explained):
        raise BadSetting(
            Text(
                f"prior='{made_by}' means nothing here: the input '{x.explained[0]}' has no grid",
                f"prior='{made_by}' 在此没有意义：输入 '{x.explained[0]}' 没有网格",
            ),
            hint="prior='pixels'",
        )
    for name in x.explained:
        value = x.tensors[name].detach().clone()
        last = value.ndim == 3 and steps_first
        like = value.movedim(-1, 1) if last else value
        grid = tuple(like.shape[2:])
        if size is not None and not grid:
            raise BadSetting(
                Text(
                    f"size={size} means nothing here: the input '{name}' has no grid",
                    f"size={size} 在此没有意义：输入 '{name}' 没有网格",
                ),
                hint=Text("leave size= out", "请省去 size="),
            )
        limits = picture_limits(x, name)
        rows = like if bounds is None or grid else bounds.tensors[name].detach()
        read = len(rows) if not grid and len(rows) > 1 else 0
        low, high = limits or (_range(rows, (0,)) if read else _range(like, tuple(range(2, like.ndim)) or (1,)))
        grid = grid if size is None else (size,) * len(grid)
        canvas = Canvas(name, like, made_by, grid, low, high, limits is not None, read, latent, last=last)
        found.append(canvas.measured() if made_by == "maco_of_x" and grid else canvas)
    return found


def _range(like: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """The least and greatest value over some axes."""
    kind = torch.float64 if like.dtype == torch.float64 else torch.float32
    low, high = like.to(kind).amin(axes, keepdim=True), like.to(kind).amax(axes, keepdim=True)
    flat = high <= low
    return torch.where(flat, low - 1, low), torch.where(flat, high + 1, high)
