"""What a layer computes as channels at positions, however its axes lie."""

from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.engine.roles import Layout


def cells(value: Tensor, layout: Layout | None, where: str, samples: int) -> Tensor:
    """`(batch, channel, position)`, of a vector for each sample with one position; no copy where none is needed.

    Args:
        value: with the batch first.
        layout: how it lies on the grid of the input; None for vectors and for tokens of a text, `(batch, token,
            channel)`.
        where: its address, for the error.
        samples: how many there are.
    Raises:
        NotApplicable: it has no channels of real numbers for each sample.
    """
    usual = value.is_floating_point() and value.ndim > 1 and len(value) == samples
    if not usual or (layout is None and value.ndim > 3):
        raise NotApplicable(
            Text(
                f"'{where}' is {value.dtype} of shape {tuple(value.shape)}, not channels at positions of "
                f"{samples} samples",
                f"'{where}' 是 {value.dtype}，形状 {tuple(value.shape)}，并非 {samples} 个样本在各位置上的通道",
            ),
            hint=Text("lens.layers(x) lists the places of a network", "lens.layers(x) 列出网络的各个位置"),
        )
    if value.ndim == 2:
        return value[:, :, None]
    if layout is not None and layout.kind == "channels_first":
        return value.flatten(2)
    return value.flatten(1, -2).transpose(1, 2)
