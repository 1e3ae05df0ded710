"""Small pictures out of weights and activations."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from pellucid.core.errors import NotApplicable

THUMBNAIL, ACROSS = 32, 4


def kernel_tiles(weight: Tensor, most: int) -> tuple[list[np.ndarray], list[str], bool]:
    """One tile for each of the first `most` filters of a convolution, or one for a whole matrix.

    Args:
        weight: `(out, in, *kernel)`, `(out, in)` or a bias `(out,)`.
        most: how many filters.
    Returns:
        tiles `(height, width)` or, for three input channels, `(height, width, 3)` with zero as grey; their captions;
        whether they are colour.
    Raises:
        NotApplicable: the weight is complex.
    """
    if weight.is_complex():
        raise NotApplicable("complex weights are not drawn", hint="look at the real and the imaginary part")
    value = weight.detach().float().cpu()
    if value.ndim < 3:
        return [value.reshape(-1, value.shape[-1]).numpy()], [" × ".join(map(str, value.shape))], False
    shown = value[:most]
    if value.ndim == 4 and value.shape[1] == 3:
        limit = float(shown.abs().max()) or 1.0
        return (
            [(0.5 + one.permute(1, 2, 0) / (2 * limit)).numpy() for one in shown],
            [f"{i}" for i in range(len(shown))],
            True,
        )
    tiles, captions = [], []
    for i, one in enumerate(shown):
        strongest = int(one.flatten(1).norm(dim=1).argmax())
        tiles.append(_flat(one[strongest]).numpy())
        captions.append(f"{i} ← {strongest}" if value.shape[1] > 1 else f"{i}")
    return tiles, captions, False


def _flat(kernel: Tensor) -> Tensor:
    """A kernel of one, two or three axes as a picture; the depth slices of a 3-D one side by side."""
    if kernel.ndim == 1:
        return kernel[None]
    return torch.cat(list(kernel), 1) if kernel.ndim == 3 else kernel


def mosaic(weight: Tensor) -> np.ndarray:
    """A small picture of a weight: a matrix (also of 1 × 1 kernels), or the first sixteen filters, each at its
    strongest input channel and to its own largest absolute value.
    """
    value = weight.detach().float().cpu()
    if value.ndim < 3 or value[0, 0].numel() == 1:
        return thumbnail(value.flatten(1) if value.ndim > 2 else value)
    tiles = [_flat(one[int(one.flatten(1).norm(dim=1).argmax())]) for one in value[: ACROSS * ACROSS]]
    high, wide = tiles[0].shape
    across = min(ACROSS, (THUMBNAIL + 1) // (max(high, wide) + 1), len(tiles))
    if across < 2:
        return thumbnail(tiles[0])
    tiles = tiles[: across * across]
    picture = torch.zeros(-(-len(tiles) // across) * (high + 1) - 1, across * (wide + 1) - 1)
    for i, tile in enumerate(tiles):
        top, left = i // across * (high + 1), i % across * (wide + 1)
        picture[top : top + high, left : left + wide] = tile / tile.abs().max().clamp(min=1e-12)
    return picture.numpy()


def thumbnail(value: Tensor) -> np.ndarray:
    """A picture of at most 32 × 32: maps averaged over channels, matrices as they are, vectors as a band.

    Args:
        value: one example's activation `(channel, *grid)`, `(token, feature)`, `(unit,)`, or a weight.
    """
    value = value.detach().float().cpu()
    while value.ndim > 2:
        value = value.mean(0)
    picture = value[None] if value.ndim == 1 else value
    if value.ndim == 0:
        picture = value.reshape(1, 1)
    size = (min(THUMBNAIL, picture.shape[0]), min(THUMBNAIL, picture.shape[1]))
    small = adaptive_avg_pool2d(picture[None, None], size)[0, 0]
    return small.expand(max(1, small.shape[1] // 5), -1).numpy() if value.ndim == 1 else small.numpy()
