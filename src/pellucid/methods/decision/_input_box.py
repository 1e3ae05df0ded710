"""The box that the values of an input lie in, for the rule z^B."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.core.errors import BadSetting
from pellucid.core.text import Text
from pellucid.inputs.inputs import Inputs
from pellucid.inputs.limits import picture_limits
from pellucid.ops.baseline import baseline_like

Limit = float | tuple[float, ...] | Tensor | None


@dataclass(frozen=True, eq=False)
class Box:
    """The least and the greatest value of each element of an input, of its shape."""

    low: Tensor
    high: Tensor


def boxes_of(x: Inputs, low: Limit, high: Limit) -> tuple[tuple[Box, ...], tuple[Text, ...]]:
    """The box of each explained floating input, and what the reader must know about them.

    Raises:
        BadSetting: a limit does not fit an input, or the box is empty.
    """
    found: list[Box] = []
    notes: tuple[Text, ...] = ()
    for name in () if x.is_discrete else x.explained:
        value = x.tensors[name].detach()
        known = picture_limits(x, name)
        if known is None and (low is None or high is None):
            notes = (_OWN,)
        own = extremes(value) if known is None else Box(*(one.expand_as(value) for one in known))
        box = Box(_limit(value, low, own.low), _limit(value, high, own.high))
        if (box.low > box.high).any():
            raise BadSetting(
                Text("the box is empty: low is above high", "取值框是空的：下限高于上限"),
                hint=Text("low= and high= in units of the network", "low= 与 high= 以网络的单位给出"),
            )
        found.append(box)
    return tuple(found), notes


def extremes(x: Tensor) -> Box:
    """The least and the greatest value of each example, for every element."""
    flat, shape = x.flatten(1), (-1, *(1,) * (x.ndim - 1))
    return Box(flat.amin(1).reshape(shape).expand_as(x), flat.amax(1).reshape(shape).expand_as(x))


def _limit(value: Tensor, given: Limit, own: Tensor) -> Tensor:
    if given is None:
        return own
    if isinstance(given, tuple):
        given = torch.tensor(given).reshape(-1, *(1,) * (value.ndim - 2))
    return baseline_like(value, given)


_OWN = Text(
    "The range of the input is not known (no preprocessing is stated): the box of the rule z^B is the least and the "
    "greatest value of each example.",
    "输入的取值范围未知（未给出预处理）：z^B 规则的取值框取每个样本自身的最小值与最大值。",
)
