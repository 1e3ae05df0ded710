"""Weights as filters."""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

_PLAIN = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
ALIKE, SAME = 0.98, 1 - 1e-5
MOST_WORK = 2e10


def is_transposed(module: Any) -> bool:
    """Whether the weight of a module is `(in, out / groups, *kernel)`."""
    return isinstance(module, _TRANSPOSED)


def is_convolution(module: Any) -> bool:
    """Whether the weight of a module is a kernel, which slides over a grid in groups of channels."""
    return isinstance(module, (*_PLAIN, *_TRANSPOSED))


def filters_first(weight: Float[Tensor, "*axes"], module: Any = None) -> Float[Tensor, "filter *rest"]:
    """`(filter, channel, *kernel)`, also for transposed convolutions; anything else as it is.

    Args:
        weight: of a layer.
        module: that layer, if it is known.
    """
    if not is_transposed(module) or weight.ndim < 3:
        return weight
    grouped = weight.unflatten(0, (module.groups, -1)).transpose(1, 2)
    return grouped.flatten(0, 1)


def near_copies(filters: Float[Tensor, "filter *rest"], above: float = ALIKE) -> int | None:
    """How many filters have another one that points the same way.

    Args:
        filters: `(filter, ...)`.
        above: cosine from which they do; `SAME`: but for rounding.
    Returns:
        None where there is nothing to compare (filters of one number) or too much.
    """
    count, width = len(filters), filters[0].numel()
    if width < 2 or float(count) ** 2 * width > MOST_WORK:
        return None
    flat = filters.detach().flatten(1).float().cpu().nan_to_num()
    rows = normalize(flat / flat.abs().amax(1, keepdim=True).clamp(min=1e-38), dim=1)
    alike = rows @ rows.T
    alike.fill_diagonal_(0)
    return int((alike > above).any(1).sum())
