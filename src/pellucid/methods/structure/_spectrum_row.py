"""What is computed of one weight's singular values."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.methods.structure._weights_held import Held
from pellucid.ops.kernels import is_convolution
from pellucid.ops.power_law import PowerLaw, power_law
from pellucid.ops.precision import in_double
from pellucid.ops.singular import Noise, Spectrum, matrix_of, noise, spectrum_of, torus_norm


@dataclass(frozen=True, eq=False)
class Row:
    """One weight.

    Args:
        held: the weight.
        spectrum: its singular values.
        noise: those of a random matrix of this size and variance.
        tail: the power law of its squared singular values; None where too few are known.
        chance: the same fit to what a random matrix would give.
        torus: largest singular value as a convolution that wraps around; None where not asked for or too much work.
        exact: whether that is the layer's own.
    """

    held: Held
    spectrum: Spectrum
    noise: Noise
    tail: PowerLaw | None
    chance: PowerLaw | None
    torus: float | None = None
    exact: bool = False

    @property
    def above(self) -> int:
        """How many singular values lie above those of chance; at least so many where not all are known."""
        return int((self.spectrum.values > self.noise.above).sum())


def refuse_vectors(found: Sequence[Held]) -> None:
    """Refuse what has no directions.

    Raises:
        NotApplicable: a weight that was named is a bias or another row of numbers.
    """
    for one in found:
        if one.weight.ndim < 2:
            raise NotApplicable(
                Text(
                    f"'{one.where}' is a row of {one.weight.numel():,} numbers, not a matrix: its only singular value is its norm",
                    f"'{one.where}' 是一行 {one.weight.numel():,} 个数，不是矩阵：它唯一的奇异值就是它的范数",
                ),
                hint=Text(
                    f"pl.weights(layer='{one.where}'), or the matrix beside it",
                    f"pl.weights(layer='{one.where}')，或它旁边的矩阵",
                ),
            )


def row_of(one: Held, grid: int | None, most: int) -> Row:
    """Everything of one weight.

    Raises:
        NotApplicable: it is not finite.
    """
    if not bool(torch.isfinite(one.weight).all()):
        raise NotApplicable(
            Text(
                f"'{one.where}' is not finite (NaN or infinite): it has no singular values",
                f"'{one.where}' 不是有限数（NaN 或无穷大）：没有奇异值",
            ),
            hint=Text(
                "lens.diagnose() says where numbers broke, or name the other layers",
                "lens.diagnose() 会说明数值在何处出错；也可改看其他层",
            ),
        )
    blocks = matrix_of(one.weight, one.module)
    spectrum = spectrum_of(blocks, most)
    mean = blocks.to(torch.complex128).mean() if blocks.is_complex() else in_double(blocks).mean()
    spread = max(0.0, spectrum.squares / blocks.numel() - float(mean.abs()) ** 2)
    random = noise(spectrum.shape, spread**0.5, spectrum.blocks)
    known = spectrum.exact and spectrum.norm > 0
    torus = _on_torus(one, grid) if grid else None
    return Row(
        one,
        spectrum,
        random,
        power_law(spectrum.values[spectrum.values > spectrum.floor].square()) if known else None,
        power_law(random.values.square()) if known and spread > 0 else None,
        torus,
        torus is not None and _wraps(one.module),
    )


def _on_torus(one: Held, grid: int) -> float | None:
    if one.module is None or not is_convolution(one.module):
        return None
    return torus_norm(one.weight, one.module, (grid,) * (one.weight.ndim - 2))


def _wraps(module: nn.Module | None) -> bool:
    """Whether a convolution is one on a grid that wraps around: as much padding as the kernel reaches, no stride."""
    if getattr(module, "padding_mode", "") != "circular" or any(step != 1 for step in module.stride):  # type: ignore[union-attr,arg-type]
        return False
    reach = [step * (side - 1) for step, side in zip(module.dilation, module.kernel_size, strict=True)]  # type: ignore[union-attr,arg-type]
    padding = module.padding  # type: ignore[union-attr]
    return padding == "same" or [2 * one for one in padding] == reach  # type: ignore[union-attr]
