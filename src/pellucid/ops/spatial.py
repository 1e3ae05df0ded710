"""Tensors on the input's grid."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from pellucid.core.errors import NotApplicable


def channels_first(
    value: Float[Tensor, "batch *axes"], layout: Any, where: str = ""
) -> Float[Tensor, "batch channel *grid"]:
    """`(batch, channel, *grid)` from any layout; prefix tokens are dropped.

    Args:
        value: `(batch, channel, *grid)`, `(batch, *grid, channel)` or `(batch, token, channel)`.
        layout: with `kind`, `grid` and `prefix`; None raises.
        where: address, for the message.
    Raises:
        NotApplicable: the tensor does not lie on the input's grid.
    """
    if layout is None:
        raise NotApplicable(
            f"'{where}' with shape {tuple(value.shape)} does not lie on the input's grid",
            hint="name a layer that keeps height and width, or leave layer='last spatial'",
        )
    if layout.kind == "channels_first":
        return value
    if layout.kind == "channels_last":
        return value.movedim(-1, 1)
    return value[:, layout.prefix :].transpose(1, 2).unflatten(2, layout.grid)
