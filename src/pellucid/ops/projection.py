"""The direction along which cells differ most, and how far each cell lies along it."""

import torch
from jaxtyping import Float
from torch import Tensor

from pellucid.ops.precision import in_double

ALIKE, TIED = 10.0, 1e-6


def leading_projection(
    cells: Float[Tensor, "batch cell feature"],
) -> tuple[Float[Tensor, "batch cell"], Float[Tensor, " batch"]]:
    """Centred cells on their first right singular vector, and the share of the variance along it.

    The vector comes from the smaller of the two Gram matrices, in double precision. Its sign is free: the entry of
    largest magnitude is made positive. Cells that are alike up to rounding give zeros, cells that are not finite NaN.

    Args:
        cells: at least one cell and one feature.
    """
    rows = in_double(cells)
    broken = ~torch.isfinite(rows).all(2).all(1)
    rows = torch.where(broken[:, None, None], torch.zeros_like(rows), rows)
    size = rows.abs().amax((1, 2), keepdim=True)
    centred = (rows - rows.mean(1, keepdim=True)) / torch.where(size > 0, size, torch.ones_like(size))
    wide = rows.shape[2] > rows.shape[1]
    values, vectors = torch.linalg.eigh(centred @ centred.mT if wide else centred.mT @ centred)
    length, top = values[:, -1].clamp(min=0), vectors[:, :, -1]
    along = top * length.sqrt()[:, None] if wide else (centred @ top[:, :, None])[:, :, 0]
    alike = centred.square().mean((1, 2)).sqrt() <= ALIKE * torch.finfo(cells.dtype).eps
    along = torch.where(alike[:, None], torch.zeros_like(along), largest_positive(along) * size[:, :, 0])
    along = torch.where(broken[:, None], torch.full_like(along, torch.nan), along)
    share = torch.where(
        alike | broken, torch.zeros_like(length), length / centred.square().sum((1, 2)).clamp(min=1e-300)
    )
    return along.to(cells), share


def largest_positive(values: Float[Tensor, "batch cell"]) -> Float[Tensor, "batch cell"]:
    """Each row with the sign that makes its entry of largest magnitude positive; of equal ones the first counts."""
    magnitude = values.abs()
    tied = magnitude >= (1 - TIED) * magnitude.amax(1, keepdim=True)
    first = values.gather(1, tied.int().argmax(1, keepdim=True))
    return torch.where(first < 0, -values, values)
