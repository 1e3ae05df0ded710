"""Tensors on the input's grid."""

from typing import Any

from jaxtyping import Float
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text


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
            Text(
                f"'{where}' with shape {tuple(value.shape)} does not lie on the input's grid",
                f"'{where}' 的形状为 {tuple(value.shape)}，不在输入的网格上",
            ),
            hint=Text(
                "name a layer that keeps height and width, or leave layer='last spatial'",
                "请指定保留高和宽的层，或沿用 layer='last spatial'",
            ),
        )
    if layout.kind == "channels_first":
        return value
    if layout.kind == "channels_last":
        return value.movedim(-1, 1)
    return value[:, layout.prefix :].transpose(1, 2).unflatten(2, layout.grid)
