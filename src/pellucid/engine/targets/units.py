"""A unit inside the network as the target: a channel of a layer at a position, or a function of the layer's value."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.core.errors import BadTarget
from pellucid.core.provenance import TargetInfo
from pellucid.core.text import Text
from pellucid.engine.roles import Layout
from pellucid.engine.targets.aims import Resolved, called, name_of


@dataclass(frozen=True)
class Unit:
    """A channel of a layer; `position` is one index for each spatial axis, None for where the channel is strongest."""

    layer: str | nn.Module
    channel: int | Callable[[Tensor], Tensor]
    position: tuple[int, ...] | None = None

    def __repr__(self) -> str:
        layer = f"'{self.layer}'" if isinstance(self.layer, str) else type(self.layer).__name__
        place = "" if self.position is None else f", {self.position}"
        channel = name_of(self.channel) if callable(self.channel) else self.channel
        return f"pl.unit({layer}, {channel}{place})"


def unit(
    layer: str | nn.Module, channel: int | Callable[[Tensor], Tensor], position: tuple[int, ...] | None = None
) -> Unit:
    """Explain a unit inside the network instead of the output.

    Args:
        layer: an address that denotes one place.
        channel: which channel (or feature) of it; or a function of its value, one number for each example.
        position: where on its grid; None takes, for each example, the position where the channel is strongest.
    """
    return Unit(layer, channel, position)


def resolve_unit(asked: Unit, value: Tensor, layout: Layout | None, where: str) -> Resolved:
    """Fix the positions on the clean value `(batch, ...)` of the unit's layer.

    Raises:
        BadTarget: there is no such channel or position.
    """
    number = asked.channel
    if callable(number):
        return _function_at(number, value, where)
    axis = 1 if value.ndim < 3 or (layout is not None and layout.kind == "channels_first") else value.ndim - 1
    if value.ndim < 2:
        raise BadTarget(
            Text(
                f"'{where}' with shape {tuple(value.shape)} has no channels",
                f"'{where}' 的形状为 {tuple(value.shape)}，没有通道",
            )
        )
    channels = value.movedim(axis, 1)
    if not -channels.shape[1] <= number < channels.shape[1]:
        raise BadTarget(
            Text(
                f"'{where}' has {channels.shape[1]} channels, 0 to {channels.shape[1] - 1}, not {number}",
                f"'{where}' 有 {channels.shape[1]} 个通道，编号 0 至 {channels.shape[1] - 1}，没有 {number}",
            )
        )
    one = channels[:, number].detach()
    grid = tuple(one.shape[1:])
    if asked.position is not None:
        _check_position(asked.position, grid, where)
        positions = [asked.position] * one.shape[0]
    else:
        strongest = one.flatten(1).argmax(1) if grid else torch.zeros(one.shape[0], dtype=torch.long)
        positions = [tuple(int(i) for i in torch.unravel_index(index, grid)) if grid else () for index in strongest]
    chosen = [torch.tensor(list(side), device=value.device) for side in zip(*positions, strict=True)]

    def pick(out: Tensor, start: int = 0) -> Tensor:
        rows = torch.arange(out.shape[0], device=out.device)
        example = (rows + start) % len(positions)
        return out.movedim(axis, 1)[(rows, number, *(side[example] for side in chosen))]

    scores = pick(value.detach()).cpu().double().tolist()
    infos = tuple(
        TargetInfo(
            f"channel {number} of {where}" + (f" at {place}" if place else ""),
            None,
            score,
            unit="activation",
            zh=f"{where} 的通道 {number}" + (f"，位置 {place}" if place else ""),
        )
        for place, score in zip(positions, scores, strict=True)
    )
    return Resolved(pick, ("unit", where, number, tuple(positions)), infos)


def _check_position(position: tuple[int, ...], grid: tuple[int, ...], where: str) -> None:
    if len(position) != len(grid) or any(not 0 <= i < side for i, side in zip(position, grid, strict=False)):
        raise BadTarget(
            Text(
                f"position {position} is not on the grid {grid} of '{where}'",
                f"位置 {position} 不在 '{where}' 的网格 {grid} 上",
            )
        )


def _function_at(function: Callable[[Tensor], Tensor], value: Tensor, where: str) -> Resolved:
    name = name_of(function)

    def pick(out: Tensor, start: int = 0) -> Tensor:
        scores = called(f"the function {name} of '{where}'", function, out)
        if not isinstance(scores, Tensor) or tuple(scores.shape) != (len(out),):
            given = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
            raise BadTarget(
                Text(
                    f"the function {name} of '{where}' must return one number per example, not {given}",
                    f"'{where}' 的函数 {name} 应为每个样本返回一个数，而不是 {given}",
                ),
                hint=Text(
                    f"it is given the value {tuple(out.shape)}, as lambda a: a.flatten(1).mean(1)",
                    f"传给它的值形状为 {tuple(out.shape)}，如 lambda a: a.flatten(1).mean(1)",
                ),
            )
        return scores

    scores = pick(value.detach()).detach().cpu().double().tolist()
    infos = tuple(
        TargetInfo(f"{name} of {where}", None, one, unit="activation", zh=f"{where} 的 {name}") for one in scores
    )
    return Resolved(pick, ("unit", where, id(function)), infos)


def start_of(resolved: Resolved, value: Any) -> Tensor:
    """What the backward from a unit begins with: one at each example's unit, zero elsewhere, of the layer's shape.

    Raises:
        BadTarget: a function of the layer that has no gradient.
    """
    with torch.enable_grad():
        leaf = value.detach().clone().requires_grad_()
        total = resolved.pick(leaf).sum()
        if not total.requires_grad:
            raise BadTarget(
                Text(f"{resolved.infos[0].label} has no gradient", f"{resolved.infos[0].label} 没有梯度"),
                hint=Text("do not detach or round in the function", "请勿在函数中 detach 或取整"),
            )
        (start,) = torch.autograd.grad(total, leaf)
    return start
