"""Singular values of weights: of the matrix, of a convolution on a torus, and what random entries would give."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy.special import gammaincinv
from torch import Tensor, nn

from pellucid.ops.kernels import is_convolution, is_transposed
from pellucid.ops.precision import in_double

RANDOMISED, POWERS = 64, 4
MOST_TORUS = 2e10
_SHAPE, _SCALE, _SHIFT = 46.446, 0.186054, 9.84801  # Tracy-Widom of order one as a shifted gamma: Chiani 2014, table 1
SURE = 0.99


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Singular values of one weight.

    Args:
        values: largest first, double precision; only the first `RANDOMISED`, estimated, where `exact` is False.
        shape: rows and columns of each block.
        blocks: how many blocks there are on the diagonal (groups of a convolution).
        squares: sum of the squares of all entries.
        exact: whether every singular value is there.
        precision: relative step of the numbers that the weight is stored in.
    """

    values: Float[Tensor, "rank"]
    shape: tuple[int, int]
    blocks: int
    squares: float
    exact: bool
    precision: float = torch.finfo(torch.float64).eps

    @property
    def size(self) -> int:
        """How many singular values there are."""
        return self.blocks * min(self.shape)

    @property
    def norm(self) -> float:
        """The largest one."""
        return float(self.values[0])

    @property
    def stable_rank(self) -> float | None:
        """‖W‖_F² / σ₁²; None for zero."""
        return self.squares / self.norm**2 if self.norm > 0 else None

    @property
    def effective_rank(self) -> float | None:
        """Exp of the entropy of the shares σ² / Σσ²; None for zero, or where not every value is there."""
        if not self.exact or not self.norm > 0:
            return None
        shares = self.values.square() / self.values.square().sum()
        return math.exp(float(torch.special.entr(shares).sum()))

    @property
    def rank(self) -> int | None:
        """How many exceed what rounding leaves of zero in the weight's precision; None where not all are there."""
        return int((self.values > self.floor).sum()) if self.exact else None

    @property
    def floor(self) -> float:
        """Below this a singular value is not told from zero."""
        return self.norm * max(self.shape) * self.precision

    @property
    def condition(self) -> float | None:
        """Largest by smallest; None where the smallest is zero, or not all are there."""
        return self.norm / float(self.values[-1]) if self.rank == self.size else None


def matrix_of(weight: Tensor, module: Any = None) -> Float[Tensor, "block row column"]:
    """A weight as the blocks of a matrix that maps inputs to outputs: a convolution as out × in·kernel, per group.

    Axes of length one before the last two (position embeddings) are dropped; other weights are flattened behind their
    first axis.
    """
    if not is_convolution(module):
        while weight.ndim > 2 and weight.shape[0] == 1:
            weight = weight[0]
        return weight.flatten(1)[None]
    groups = module.groups
    if is_transposed(module):
        return weight.unflatten(0, (groups, -1)).transpose(1, 2).flatten(2)
    return weight.unflatten(0, (groups, -1)).flatten(2)


def spectrum_of(blocks: Float[Tensor, "block row column"], most: int, seed: int = 0) -> Spectrum:
    """Singular values of the whole block-diagonal matrix.

    Args:
        blocks: from `matrix_of`.
        most: longest shorter side of which all values are computed; beyond, the first ones are estimated by random
            projection (Halko et al. 2011).
        seed: of that projection.
    """
    exact = min(blocks.shape[1:]) <= most
    value = _double(blocks)
    squares = float(value.abs().square().sum())
    found = torch.linalg.svdvals(value).flatten() if exact else torch.cat([_first(block, seed) for block in value])
    ordered = found.sort(descending=True).values.cpu()
    return Spectrum(
        ordered if exact else ordered[:RANDOMISED],
        (blocks.shape[1], blocks.shape[2]),
        len(blocks),
        squares,
        exact,
        torch.finfo(blocks.dtype).eps,
    )


def _first(matrix: Float[Tensor, "row column"], seed: int) -> Float[Tensor, "rank"]:
    """Estimates of the largest singular values, none above the true one."""
    narrow = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.mH
    source = torch.Generator().manual_seed(seed)
    start = torch.randn(narrow.shape[1], min(2 * RANDOMISED, narrow.shape[1]), generator=source, dtype=torch.float64)
    base = torch.linalg.qr(narrow @ start.to(narrow)).Q
    for _ in range(POWERS):
        base = torch.linalg.qr(narrow @ torch.linalg.qr(narrow.mH @ base).Q).Q
    return torch.linalg.svdvals(base.mH @ narrow)[:RANDOMISED]


def torus_norm(weight: Tensor, module: nn.Module, grid: tuple[int, ...]) -> float | None:
    """Largest singular value of a convolution of stride one on a grid that wraps around.

    Exact for circular padding on that grid (Sedghi et al. 2019): its matrix is block-circulant, and the Fourier
    transform over the grid makes it one small matrix for each frequency.

    Returns:
        None where that is too much work.
    """
    blocks = matrix_of(weight, module).unflatten(2, (-1, *weight.shape[2:]))
    groups, out, into = blocks.shape[:3]
    work = groups * out * into * min(out, into) * math.prod(grid)
    if work > MOST_TORUS:
        return None
    value = _double(blocks)
    wrapped = torch.zeros(*value.shape[:3], math.prod(grid), dtype=value.dtype, device=value.device)
    wrapped.index_add_(3, _taps(weight.shape[2:], module.dilation, grid).to(value.device), value.flatten(3))  # type: ignore[arg-type]
    axes = tuple(range(3, 3 + len(grid)))
    frequencies = torch.fft.fftn(wrapped.unflatten(3, grid), dim=axes).flatten(3)
    return float(torch.linalg.matrix_norm(frequencies.movedim(3, 0), 2).max())


def _taps(kernel: tuple[int, ...], dilation: tuple[int, ...], grid: tuple[int, ...]) -> Tensor:
    """The flat cell of the grid that each tap of a kernel falls on."""
    cells = torch.zeros(kernel, dtype=torch.long)
    for axis, (length, step, side) in enumerate(zip(kernel, dilation, grid, strict=True)):
        along = (torch.arange(length) * step) % side
        cells = cells * side + along.reshape([-1 if i == axis else 1 for i in range(len(kernel))])
    return cells.flatten()


@dataclass(frozen=True, eq=False)
class Noise:
    """Singular values that independent entries of one variance would give (Marchenko & Pastur 1967).

    Args:
        edge: where the largest ones end for large matrices: std · (√rows + √columns).
        above: the largest one of Gaussian entries stays below this in 99 of 100 cases (Johnstone 2001).
        values: as many as the weight has, at even steps of their distribution, largest first.
    """

    edge: float
    above: float
    values: Float[Tensor, "rank"]


def noise(shape: tuple[int, int], std: float, blocks: int = 1) -> Noise:
    """What a random matrix of the same size and variance has.

    Args:
        shape: rows and columns of each block.
        std: of the entries.
        blocks: how many independent ones.
    """
    low, high = sorted(shape)
    steps = 1 - (torch.arange(low * blocks, dtype=torch.float64) + 0.5) / (low * blocks)
    sure = SURE ** (1 / blocks)
    if low == 1:  # the length of a Gaussian vector
        squares = torch.from_numpy(2 * gammaincinv(high / 2, steps.numpy()))
        most = 2 * float(gammaincinv(high / 2, sure))
    else:
        squares = high * _marchenko_pastur(low / high, steps)
        centre = math.sqrt(high - 1) + math.sqrt(low)
        spread = centre * (1 / math.sqrt(high - 1) + 1 / math.sqrt(low)) ** (1 / 3)
        most = centre**2 + spread * (float(gammaincinv(_SHAPE, sure)) * _SCALE - _SHIFT)
    return Noise((math.sqrt(low) + math.sqrt(high)) * std, math.sqrt(most) * std, squares.sqrt() * std)


def _marchenko_pastur(ratio: float, steps: Float[Tensor, "step"]) -> Float[Tensor, "step"]:
    """The values σ² / (longer side · variance) below which these shares of all lie.

    Args:
        ratio: shorter side by longer side.
        steps: shares.
    """
    first, last = (1 - math.sqrt(ratio)) ** 2, (1 + math.sqrt(ratio)) ** 2
    angle = torch.linspace(0, math.pi / 2, 4097, dtype=torch.float64)
    values = first + (last - first) * angle.sin().square()
    # density times the step of this angle, which has no infinite slope at either end
    slope = (angle.sin() * angle.cos()).square() / values.clamp(min=torch.finfo(torch.float64).tiny)
    density = angle.cos().square() if ratio == 1 else slope
    share = torch.cat([angle.new_zeros(1), torch.cumulative_trapezoid(density, angle)])
    return torch.from_numpy(np.interp(steps.numpy(), (share / share[-1]).numpy(), values.numpy()))


def _double(value: Tensor) -> Tensor:
    return value.detach().to(torch.complex128) if value.is_complex() else in_double(value.detach())
