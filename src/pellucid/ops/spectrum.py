"""Pictures, series and volumes out of their Fourier coefficients, on grids of any rank, odd sides included."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

Grid = tuple[int, ...]


def half(grid: Grid) -> Grid:
    """How many coefficients a real array has on each axis: the last one keeps what is not conjugate to the rest."""
    return (*grid[:-1], grid[-1] // 2 + 1)


def frequencies(grid: Grid) -> Float[Tensor, "..."]:
    """Length of the frequency of each coefficient in cycles per cell, `half(grid)`."""
    axes = [torch.fft.fftfreq(side) for side in grid[:-1]] + [torch.fft.rfftfreq(grid[-1])]
    return torch.stack(torch.meshgrid(*axes, indexing="ij")).square().sum(0).sqrt()


def falling(grid: Grid, decay: float = 1.0) -> Float[Tensor, "..."]:
    """Amplitudes that fall with frequency as those of photographs do: 1 / max(frequency, 1 / longest side)**decay."""
    return frequencies(grid).clamp(min=1 / max(grid)) ** -decay


def from_coefficients(
    coefficients: Float[Tensor, "batch channel ..."], grid: Grid, amplitudes: Tensor
) -> Float[Tensor, "batch channel ..."]:
    """The array whose coefficients (real and imaginary part on the last axis) are these times `amplitudes`."""
    spectrum = torch.view_as_complex((coefficients * amplitudes[..., None]).contiguous())
    return torch.fft.irfftn(spectrum, s=grid, norm="ortho")


def coefficients_of(
    value: Float[Tensor, "batch channel ..."], grid: Grid, amplitudes: Tensor
) -> Float[Tensor, "batch channel ..."]:
    """The coefficients of which `from_coefficients` makes `value`."""
    axes = tuple(range(-len(grid), 0))
    return torch.view_as_real(torch.fft.rfftn(value, dim=axes, norm="ortho")) / amplitudes[..., None]


def from_phases(
    phases: Float[Tensor, "batch channel ..."], grid: Grid, magnitudes: Tensor
) -> Float[Tensor, "batch channel ..."]:
    """The array whose spectrum has these magnitudes and, where they are free, these phases.

    A coefficient whose conjugate is kept too (first and, of an even side, last column) takes half the difference of
    both phases, so that the magnitudes hold in every column.
    """
    even = phases.clone()
    for column in {0, grid[-1] // 2} if grid[-1] % 2 == 0 else {0}:
        even[..., column] = (phases[..., column] - _mirrored(phases[..., column], len(grid) - 1)) / 2
    return torch.fft.irfftn(torch.polar(magnitudes.expand_as(even).contiguous(), even), s=grid, norm="ortho")


def magnitudes_of(value: Float[Tensor, "batch channel ..."], rank: int) -> Float[Tensor, "channel ..."]:
    """Mean magnitude of the spectrum over a batch, of each channel."""
    return torch.fft.rfftn(value, dim=tuple(range(-rank, 0)), norm="ortho").abs().mean(0)


def standardised(value: Float[Tensor, "batch ..."]) -> Float[Tensor, "batch ..."]:
    """Each example with mean zero and spread one."""
    axes = tuple(range(1, value.ndim))
    spread = value.std(axes, correction=0, keepdim=True).clamp(min=math.sqrt(torch.finfo(value.dtype).tiny))
    return (value - value.mean(axes, keepdim=True)) / spread


def _mirrored(value: Tensor, rank: int) -> Tensor:
    """The value at the opposite frequency on each of the last `rank` axes."""
    axes = tuple(range(-rank, 0))
    return value.flip(axes).roll((1,) * rank, axes) if rank else value
