"""What every tensor that enters must be: dense, not empty, finite, with a batch axis."""

import numpy as np
import torch
from torch import Tensor

from pellucid.core.errors import BadInput
from pellucid.core.text import Text


def as_tensor(array: np.ndarray, where: str) -> Tensor:
    """A copy of a numpy array as a tensor.

    Raises:
        BadInput: it holds objects, words or a number type that tensors do not have.
    """
    if array.dtype.kind not in "biufc":
        kind = "objects" if array.dtype.kind == "O" else f"'{array.dtype}'"
        raise BadInput(
            Text(f"{where} is an array of {kind}, not of numbers.", f"{where} 是由 {kind} 组成的数组，而不是数。"),
            hint=Text(
                "an array of objects often comes from rows of different length; make them equally long",
                "对象数组往往来自长度不同的行；请使各行等长",
            ),
        )
    try:
        return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))
    except TypeError as error:
        raise BadInput(
            Text(
                f"{where} has the number type '{array.dtype}', which tensors do not have.",
                f"{where} 的数值类型为 '{array.dtype}'，张量没有这种类型。",
            ),
            hint="x.astype('float32')",
        ) from error


def checked(
    x: Tensor, where: str, *, alone: bool, device: torch.device, dtype: torch.dtype | None
) -> tuple[Tensor, Text | None]:
    """`x` on `device`, floating values as `dtype`, if it can be an input at all.

    Args:
        where: how to name it in an error.
        alone: whether it is the only input; others may be integers without a batch axis, and masks of minus infinity.
    Raises:
        BadInput: it cannot.
    """
    if x.layout is not torch.strided or x.is_nested:
        raise BadInput(Text(f"{where} is not a dense tensor.", f"{where} 不是稠密张量。"), hint="x.to_dense()")
    x = x.as_subclass(Tensor)
    if x.ndim == 0 and (alone or x.is_floating_point()):
        raise BadInput(
            Text(f"{where} has no axis at all, so no batch axis.", f"{where} 没有任何轴，因此没有批轴。"),
            hint=Text("x.reshape(1) or x[None]", "x.reshape(1) 或 x[None]"),
        )
    if x.numel() == 0:
        raise BadInput(
            Text(f"{where} is empty: its shape is {tuple(x.shape)}.", f"{where} 是空的：形状为 {tuple(x.shape)}。"),
            hint=Text("the first axis counts the examples; give at least one", "第一个轴是样本数；请至少给一个样本"),
        )
    if x.is_meta:
        return x, None
    _refuse_not_finite(x, where, mask="mask" in where)
    note = None
    if dtype is not None and x.is_floating_point() and x.dtype != dtype:
        note = Text(
            f"{_name(x.dtype)} was cast to {_name(dtype)}, the model's own.",
            f"已由 {_name(x.dtype)} 转换为模型所用的 {_name(dtype)}。",
        )
        cast = x.to(dtype)
        if int(torch.isinf(cast).sum()) > int(torch.isinf(x).sum()):
            raise BadInput(
                Text(
                    f"{where} holds values too large for {_name(dtype)}, the model's type: {x.abs().max().item():.3g}.",
                    f"{where} 含有对模型的类型 {_name(dtype)} 而言过大的值：{x.abs().max().item():.3g}。",
                )
            )
        x = cast
    return x.to(device), note


def _refuse_not_finite(x: Tensor, where: str, *, mask: bool) -> None:
    if not (x.is_floating_point() or x.is_complex()):
        return
    bad = ~torch.isfinite(x)
    if mask:
        bad &= ~torch.isneginf(x)
    count = int(bad.sum())
    if not count:
        return
    first = tuple(int(i) for i in bad.nonzero()[0])
    nan = int(torch.isnan(x).sum())
    parts = [f"{nan} NaN" if nan else "", f"{count - nan} infinite" if count > nan else ""]
    found = [f"{nan} 个 NaN" if nan else "", f"{count - nan} 个无穷大" if count > nan else ""]
    raise BadInput(
        Text(
            f"{where} holds {' and '.join(part for part in parts if part)} among {x.numel()} values, "
            f"the first at {first}.",
            f"{where} 的 {x.numel()} 个值中有 {'、'.join(part for part in found if part)}，第一个位于 {first}。",
        ),
        hint=Text(
            "find where they come from; no picture of them would mean anything",
            "请查明它们从何而来；含有它们的图没有意义",
        ),
    )


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
