"""The input that stands for "nothing"."""

import torch
from torch import Tensor
from torch.nn import functional

from pellucid.core.errors import BadSetting
from pellucid.core.text import Text

BLUR_SHARE = 0.1


def baseline_like(value: Tensor, kind: float | str | Tensor, *, tokens: bool = False) -> Tensor:
    """A baseline of the shape of `value`.

    Args:
        value: the input.
        kind: a number for every element, a tensor (broadcast), `"mean"` (of each channel of each example) or `"blur"`
            (a Gaussian a tenth of the longer side wide).
        tokens: `value` is `(batch, token, feature)`, so that mean and blur run over the tokens.
    Raises:
        BadSetting: the tensor does not broadcast, or the input has no axis to average over or to blur.
    """
    if tokens and isinstance(kind, str) and value.ndim == 3:
        return baseline_like(value.transpose(1, 2), kind).transpose(1, 2).contiguous()
    if isinstance(kind, Tensor):
        try:
            return kind.to(value).expand_as(value).clone()
        except RuntimeError:
            raise BadSetting(
                Text(
                    f"a baseline of shape {tuple(kind.shape)} does not fit the input {tuple(value.shape)}",
                    f"形状为 {tuple(kind.shape)} 的基线与输入 {tuple(value.shape)} 不符",
                )
            ) from None
    if kind == "mean":
        _refuse_without_grid(value, "average over")
        return value.mean(tuple(range(2, value.ndim)), keepdim=True).expand_as(value).clone()
    if kind == "blur":
        return _blurred(value)
    if isinstance(kind, str):
        raise BadSetting(
            Text(f"no baseline is called '{kind}'", f"没有名为 '{kind}' 的基线"),
            nearest="'mean', 'blur', a number, a tensor",
        )
    return torch.full_like(value, float(kind))


def _refuse_without_grid(value: Tensor, what: str) -> None:
    if value.ndim < 3:
        raise BadSetting(
            Text(
                f"an input of shape {tuple(value.shape)} has no grid to {what}",
                f"形状为 {tuple(value.shape)} 的输入没有网格，这一基线不适用",
            ),
            nearest="a number, a tensor",
            hint=Text(
                "one number per feature: a tensor of the mean row of your data",
                "每个特征一个数：由数据各行均值组成的张量",
            ),
        )


def _blurred(value: Tensor) -> Tensor:
    _refuse_without_grid(value, "blur")
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
