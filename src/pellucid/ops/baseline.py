"""The input that stands for "nothing"."""

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.core.errors import BadSetting

BLUR_SHARE = 0.1


def baseline_like(value: Tensor, kind: float | str | Tensor) -> Tensor:
    """A baseline of the shape of `value`.

    Args:
        value: the input.
        kind: a number for every element, a tensor (broadcast), `"mean"` (of each channel of each example) or `"blur"`
            (a Gaussian a tenth of the longer side wide).
    Raises:
        BadSetting: the tensor does not broadcast, or the input has no axis to blur.
    """
    if isinstance(kind, Tensor):
        try:
            return kind.to(value).expand_as(value).clone()
        except RuntimeError:
            raise BadSetting(
                f"a baseline of shape {tuple(kind.shape)} does not fit the input {tuple(value.shape)}"
            ) from None
    if kind == "mean":
        axes = tuple(range(2, value.ndim)) or (1,)
        return value.mean(axes, keepdim=True).expand_as(value).clone() if value.ndim > 1 else torch.zeros_like(value)
    if kind == "blur":
        return _blurred(value)
    if isinstance(kind, str):
        raise BadSetting(f"no baseline is called '{kind}'", nearest="'mean', 'blur', a number, a tensor")
    return torch.full_like(value, float(kind))


def _blurred(value: Tensor) -> Tensor:
    if value.ndim < 3:
        raise BadSetting(
            f"an input of shape {tuple(value.shape)} has no grid to blur", nearest="'mean', a number, a tensor"
        )
    sigma = max(BLUR_SHARE * max(value.shape[2:]), 0.5)
    reach = int(3 * sigma + 0.5)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=value.dtype, device=value.device) / sigma) ** 2)
    kernel = kernel / kernel.sum()
    for axis in range(2, value.ndim):
        rows = value.movedim(axis, -1)
        flat = rows.reshape(-1, 1, rows.shape[-1])
        padded = functional.pad(flat, (reach, reach), mode="replicate")
        value = functional.conv1d(padded, kernel[None, None]).reshape(rows.shape).movedim(-1, axis)
    return value
