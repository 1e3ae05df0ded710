"""What an input is optimised for, inside the network: one number for each row of a batch."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, normalize

from pellucid.core.errors import BadSetting, NotApplicable
from pellucid.core.text import Text
from pellucid.engine.passes import Spot
from pellucid.engine.targets.aims import name_of
from pellucid.results import Gallery

Objective = Literal["channel", "neuron", "norm"] | Tensor | Callable[[Tensor], Tensor]
_DIRECTION, _CODE = Text("direction", "方向"), Text("code", "码")


@dataclass(frozen=True, eq=False)
class Wish:
    """A number for each row of a layer's value; row `i` belongs to unit `i % units`.

    Args:
        objective: mean of a channel, a channel at the middle of the grid, mean square of everything, cosine with a
            direction `(unit, channel)`, or a function of the value.
        channels: one for each unit.
        axis: of the channels.
        middle: of tokens, which one stands in the middle of the grid.
        diversity: how much of the objective is taken off where the rows of a unit have alike features.
        name: what the number of a direction is called.
    """

    objective: Objective
    channels: tuple[int, ...]
    axis: int
    middle: int | None = None
    diversity: float = 0.0
    name: Text = _DIRECTION

    @property
    def __name__(self) -> str:  # what an error calls it
        return self.objective if isinstance(self.objective, str) else "objective"

    def __call__(self, value: Tensor) -> Tensor:
        rows = torch.arange(len(value), device=value.device)
        score = self._score(value, rows)
        if not self.diversity or len(value) <= self.units:
            return score
        return score - self.diversity * score.detach().abs() * self._likeness(value, rows)

    @property
    def units(self) -> int:
        return self.objective.shape[0] if isinstance(self.objective, Tensor) else max(1, len(self.channels))

    def alone(self) -> "Wish":
        """The objective without diversity."""
        return replace(self, diversity=0.0)

    def _score(self, value: Tensor, rows: Tensor) -> Tensor:
        if isinstance(self.objective, Tensor):
            aim = self.objective.to(value)[rows % self.units]
            features = value.movedim(self.axis, 1).flatten(2) if value.ndim > 2 else value[..., None]
            return cosine_similarity(features, aim[..., None], dim=1).mean(1)
        if callable(self.objective):
            return self.objective(value)
        if self.objective == "norm":
            return value.flatten(1).square().mean(1)
        channel = torch.tensor(self.channels, device=value.device)[rows % self.units]
        of_unit = value.movedim(self.axis, 1)[rows, channel]
        if self.objective == "channel":
            return of_unit.reshape(len(value), -1).mean(1)
        middle = [side // 2 for side in of_unit.shape[1:]] if self.middle is None else [self.middle]
        return of_unit[(rows, *middle)]

    def _likeness(self, value: Tensor, rows: Tensor) -> Tensor:
        """Mean cosine of a row's Gram matrix with those of the other rows of its unit."""
        features = value.movedim(self.axis, 1).flatten(2) if value.ndim > 2 else value[..., None]
        grams = normalize((features @ features.mT).flatten(1), dim=1)
        same = (rows[:, None] - rows[None]) % self.units == 0
        return ((grams @ grams.mT) * (same & ~torch.eye(len(rows), dtype=torch.bool, device=value.device))).sum(1) / (
            same.sum(1) - 1
        )


def wish_of(
    spot: Spot,
    objective: Objective | Gallery,
    channels: int | tuple[int, ...],
    diversity: float,
    *,
    first: bool = False,
) -> Wish:
    """The wish at a layer, as its value on the example shows it.

    Args:
        objective: of a gallery, its values are the directions.
        first: a number of channels means the first ones, not those that stand out.
    Raises:
        BadSetting: there is no such channel, or a direction of another length.
        NotApplicable: the layer has no channels.
    """
    value, layout = spot.value, spot.layout
    if value.ndim < 2 or not value.is_floating_point():
        raise NotApplicable(
            Text(
                f"'{spot.address}' with shape {tuple(value.shape)} has no channels of real numbers",
                f"'{spot.address}' 的形状为 {tuple(value.shape)}，没有由实数组成的通道",
            )
        )
    axis = 1 if value.ndim < 3 or (layout is not None and layout.kind == "channels_first") else value.ndim - 1
    size, middle = value.shape[axis], None
    if layout is not None and layout.kind == "tokens":
        index = torch.arange(math.prod(layout.grid)).reshape(layout.grid)
        middle = layout.prefix + int(index[tuple(side // 2 for side in layout.grid)])
    name = _DIRECTION
    if isinstance(objective, Gallery):
        name, objective = _named(objective)
    if isinstance(objective, Tensor):
        objective = objective[None] if objective.ndim == 1 else objective
        if objective.ndim != 2 or objective.shape[1] != size:
            raise BadSetting(
                Text(
                    f"the direction {tuple(objective.shape)} does not fit '{spot.address}', which has {size} channels",
                    f"方向 {tuple(objective.shape)} 与 '{spot.address}' 不符，后者有 {size} 个通道",
                ),
                hint=Text(
                    f"objective= takes ({size},), or ({size},) for each of several",
                    f"objective= 接受 ({size},)；多个时每个为 ({size},)",
                ),
            )
        return Wish(objective, (), axis, middle, diversity, name)
    if callable(objective) or objective == "norm":
        return Wish(objective, (), axis, middle, diversity)
    if isinstance(channels, int):
        channels = tuple(range(min(channels, size))) if first else _standing_out(value.detach(), axis, channels)
    _check_channels(channels, size, spot.address)
    return Wish(objective, channels, axis, middle, diversity)


def _check_channels(channels: tuple[int, ...], size: int, where: str) -> None:
    wrong = [channel for channel in channels if not 0 <= channel < size]
    if wrong:
        raise BadSetting(
            Text(
                f"'{where}' has channels 0 to {size - 1}, not {wrong[0]}",
                f"'{where}' 的通道编号为 0 至 {size - 1}，没有 {wrong[0]}",
            )
        )


def _named(codes: Gallery) -> tuple[Text, Tensor]:
    """The directions that a result holds, and what they are called.

    Raises:
        BadSetting: its values are no directions.
    """
    if len(codes.axes) != 2 or codes.axes[1] != "channel":
        axes = ", ".join(codes.axes)
        raise BadSetting(
            Text(
                f"the values of this result are ({axes}), not directions in the channels of a layer",
                f"该结果的值为（{axes}），不是层的通道中的方向",
            ),
            hint=Text("codebook gives (code, channel)", "codebook 给出（码，通道）"),
        )
    return _CODE if codes.axes[0] == "code" else _DIRECTION, codes.tensor()


def _standing_out(value: Tensor, axis: int, most: int) -> tuple[int, ...]:
    """The channels whose largest value on the grid stands out most from their mean and spread there."""
    found = value[:1].double().movedim(axis, 0).flatten(1)
    spread = found.std(1, correction=0)
    peaks = (found.amax(1) - found.mean(1)) / spread.clamp(min=1e-12)
    order = peaks.where(spread > 0, -torch.inf) if found.shape[1] > 1 else found[:, 0]
    return tuple(int(one) for one in order.argsort(descending=True, stable=True)[:most])


def called(wish: Wish) -> list[Text]:
    """What each unit is called in captions."""
    if isinstance(wish.objective, Tensor):
        name, many = wish.name, wish.units > 1
        return [Text(f"{name.en} {i}", f"{name.zh} {i}") for i in range(wish.units)] if many else [name]
    if wish.objective == "norm":
        return [Text("the whole layer", "整层")]
    if callable(wish.objective):
        return [Text(_said(wish.objective))]
    return [Text(f"channel {channel}", f"通道 {channel}") for channel in wish.channels]


def _said(function: Any) -> str:
    return name_of(function)
