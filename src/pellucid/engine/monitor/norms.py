"""Norms of many tensors at once, without waiting for the device."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

MOST = 65_536
CANCELLED = 0.1  # of the mean square: a variance below that is taken from differences
_foreach_norm: Callable[..., Sequence[Tensor]] = torch._foreach_norm  # pyright: ignore[reportPrivateImportUsage]
_LOW = (torch.float16, torch.bfloat16)


class Norms:
    """Two-norms by one call for all tensors; checked once against the plain way, which stands in where they differ."""

    def __init__(self) -> None:
        self.trusted: bool | None = None

    def __call__(self, values: Sequence[Tensor]) -> list[Tensor]:
        """A scalar on its device for each tensor; low precision is summed and given in float32."""
        plain = [dense(one) for one in values]
        if self.trusted is False or not plain:
            return [_norm(one) for one in plain]
        made: list[Tensor | None] = [None] * len(plain)
        kinds: dict[tuple[torch.device, torch.dtype], list[int]] = {}
        for i, one in enumerate(plain):
            kinds.setdefault((one.device, one.dtype), []).append(i)
        for (_, dtype), which in kinds.items():
            wide = torch.float32 if dtype in _LOW else None
            for i, norm in zip(which, _foreach_norm([plain[i] for i in which], 2, wide), strict=True):
                made[i] = norm
        found = [one for one in made if one is not None]
        if self.trusted is None:
            self.trusted = _agree(found, [_norm(one) for one in plain])
            return found if self.trusted else self(values)
        return found


def dense(value: Tensor) -> Tensor:
    """The numbers of a tensor: of a sparse one those that it holds, of a complex one both parts."""
    value = value.detach()
    if value.is_sparse:
        value = value.coalesce()._values()
    elif value.layout != torch.strided:
        value = value.to_dense()
    return torch.view_as_real(value) if value.is_complex() else value


def piece(value: Tensor) -> tuple[Tensor, float]:
    """A copy of at most 65,536 elements, evenly spread, and the factor from their norm to the norm of all."""
    flat = value.detach()
    if flat.ndim == 4 and flat.is_contiguous(memory_format=torch.channels_last):
        flat = flat.permute(0, 2, 3, 1)
    flat = dense(flat).reshape(-1)
    stride = -(-flat.numel() // MOST)
    if stride > 1:
        stride += 1 - stride % 2
        flat = flat[::stride]
    whole = value.numel() * (2 if value.is_complex() else 1)
    return flat.clone(), (whole / max(flat.numel(), 1)) ** 0.5


def moments(value: Tensor) -> tuple[Tensor, Tensor]:
    """Standard deviation and mean of all elements; on the CPU from sums, fifty times as fast, unless they cancel."""
    if value.device.type == "cpu":
        mean, square = value.sum().item() / value.numel(), _norm(value).item() ** 2 / value.numel()
        variance = square - mean**2
        if variance >= CANCELLED * square:
            std, centre = torch.tensor([variance**0.5, mean], dtype=value.dtype)
            return std, centre
    std, centre = torch.std_mean(value, correction=0)
    return std, centre


def not_finite(value: Tensor) -> Tensor:
    """How many elements are not finite, as a scalar on the device."""
    return (~dense(value).isfinite()).sum()


def _norm(value: Tensor) -> Tensor:
    return torch.linalg.vector_norm(value, dtype=torch.float32 if value.dtype in _LOW else None)


def _agree(some: Sequence[Tensor], others: Sequence[Tensor], tolerance: float = 1e-3) -> bool:
    same: Callable[[Tensor, Tensor], bool] = lambda a, b: bool(  # noqa: E731
        torch.allclose(a.double(), b.double(), rtol=tolerance, atol=0.0, equal_nan=True)
    )
    return all(same(a, b) for a, b in zip(some, others, strict=True))
