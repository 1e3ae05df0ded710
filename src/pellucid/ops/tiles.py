"""Small pictures out of weights and activations."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text

THUMBNAIL, ACROSS = 32, 4


def kernel_tiles(
    weight: Tensor, most: int, kernels: str = "strongest", limit: float | None = None, like: Tensor | None = None
) -> tuple[list[np.ndarray], list[str], bool]:
    """One tile for each of the first `most` filters of a convolution, or one for a whole matrix.

    Args:
        weight: `(out, in, *kernel)`, `(out, in)` or a bias `(out,)`; a kernel of one tap is a matrix.
        most: how many filters.
        kernels: what of its input channels a filter shows: the `"strongest"` one, the `"norm"` over them, or the
            pattern over the taps that explains most of all of them (`"pca"`, not centred, with the sign of most).
        limit: what is full colour where three input channels are drawn as red, green and blue; None: the largest
            absolute value of all that are drawn; 0: each filter's own.
        like: another weight of this shape, whose strongest channels are taken.
    Returns:
        tiles `(height, width)` or, for three input channels, `(height, width, 3)` with zero as grey; their captions;
        whether they are colour.
    Raises:
        NotApplicable: the weight is complex.
    """
    if weight.is_complex():
        raise NotApplicable(
            Text("complex weights are not drawn", "不绘制复数权重"),
            hint=Text("look at the real and the imaginary part", "请分别查看实部与虚部"),
        )
    value = weight.detach().float().cpu()
    if value.ndim < 3 or value[0, 0].numel() == 1:
        matrix = value.flatten(1) if value.ndim > 1 else value[None]
        return [matrix.numpy()], [" × ".join(map(str, matrix.shape if value.ndim > 1 else value.shape))], False
    shown = value[:most]
    if value.ndim == 4 and value.shape[1] == 3 and kernels == "strongest":
        shared = _largest(shown) if limit is None else limit
        return (
            [(0.5 + one.permute(1, 2, 0) / (2 * (shared or _largest(one)))).clamp(0, 1).numpy() for one in shown],
            [f"{i}" for i in range(len(shown))],
            True,
        )
    by = shown if like is None else like.detach().float().cpu()
    found = [_tile(one, kernels, other) for one, other in zip(shown, by[:most], strict=True)]
    alone = value.shape[1] == 1
    return (
        [tile.numpy() for tile, _ in found],
        [f"{i}{'' if alone else say}" for i, (_, say) in enumerate(found)],
        False,
    )


def _tile(one: Tensor, kernels: str, like: Tensor) -> tuple[Tensor, str]:
    """What a filter `(channel, *kernel)` shows, and what its caption adds."""
    if kernels == "norm":
        return _flat(one.norm(dim=0)), ""
    if kernels == "pca":
        left, values, right = torch.linalg.svd(one.flatten(1).nan_to_num(), full_matrices=False)
        squares = values.square().sum()
        sign = -1.0 if float(left[:, 0].sum()) < 0 else 1.0
        share = float(values[0] ** 2 / squares) if float(squares) > 0 else 0.0
        return _flat((sign * values[0] * right[0]).reshape(one.shape[1:])), f" · {share:.0%}"
    strongest = int(like.flatten(1).norm(dim=1).argmax())
    return _flat(one[strongest]), f" ← {strongest}"


def _largest(value: Tensor) -> float:
    return float(value.abs().nan_to_num(0.0, 0.0).max()) or 1.0


def _flat(kernel: Tensor) -> Tensor:
    """A kernel of one, two or three axes as a picture; the depth slices of a 3-D one side by side."""
    if kernel.ndim == 1:
        return kernel[None]
    return torch.cat(list(kernel), 1) if kernel.ndim == 3 else kernel


def angular_order(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Orders of rows and columns that put like beside like.

    They go by the angle in the plane of the first two singular vectors. The circle is cut where its largest gap is.

    Args:
        matrix: `(row, column)`, finite.
    Source:
        Friendly 2002, The American Statistician 56(4), on the order of eigenvectors.
    """
    count = min(2, *matrix.shape)
    left, values, right = torch.linalg.svd(matrix.double(), full_matrices=False)
    return _by_angle(left[:, :count] * values[:count]), _by_angle((right[:count].T) * values[:count])


def _by_angle(plane: Tensor) -> Tensor:
    if plane.shape[1] < 2:
        return plane[:, 0].argsort(stable=True)
    angle = torch.atan2(plane[:, 1], plane[:, 0])
    order = angle.argsort(stable=True)
    gaps = angle[order].diff(append=angle[order[:1]] + 2 * torch.pi)
    return order.roll(-(int(gaps.argmax()) + 1))


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
