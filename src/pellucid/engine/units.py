"""A unit inside the network as the target: a channel of a layer, at its strongest position or at a given one."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.core.errors import BadTarget
from pellucid.core.provenance import TargetInfo
from pellucid.engine.aims import Resolved
from pellucid.engine.roles import Layout


@dataclass(frozen=True)
class Unit:
    """A channel of a layer; `position` is one index for each spatial axis, None for where the channel is strongest."""

    layer: str | nn.Module
    channel: int
    position: tuple[int, ...] | None = None

    def __repr__(self) -> str:
        layer = f"'{self.layer}'" if isinstance(self.layer, str) else type(self.layer).__name__
        place = "" if self.position is None else f", {self.position}"
        return f"pl.unit({layer}, {self.channel}{place})"


def unit(layer: str | nn.Module, channel: int, position: tuple[int, ...] | None = None) -> Unit:
    """Explain a unit inside the network instead of the output.

    Args:
        layer: an address that denotes one place.
        channel: which channel (or feature) of it.
        position: where on its grid; None takes, for each example, the position where the channel is strongest.
    """
    return Unit(layer, channel, position)


def resolve_unit(asked: Unit, value: Tensor, layout: Layout | None, where: str) -> Resolved:
    """Fix the positions on the clean value `(batch, ...)` of the unit's layer.

    Raises:
        BadTarget: there is no such channel or position.
    """
    axis = 1 if value.ndim < 3 or (layout is not None and layout.kind == "channels_first") else value.ndim - 1
    if value.ndim < 2:
        raise BadTarget(f"'{where}' with shape {tuple(value.shape)} has no channels")
    channels = value.movedim(axis, 1)
    if not -channels.shape[1] <= asked.channel < channels.shape[1]:
        raise BadTarget(
            f"'{where}' has {channels.shape[1]} channels, 0 to {channels.shape[1] - 1}, not {asked.channel}"
        )
    one = channels[:, asked.channel].detach()
    grid = tuple(one.shape[1:])
    if asked.position is not None:
        if len(asked.position) != len(grid) or any(
            not 0 <= i < side for i, side in zip(asked.position, grid, strict=False)
        ):
            raise BadTarget(f"position {asked.position} is not on the grid {grid} of '{where}'")
        positions = [asked.position] * one.shape[0]
    else:
        strongest = one.flatten(1).argmax(1) if grid else torch.zeros(one.shape[0], dtype=torch.long)
        positions = [tuple(int(i) for i in torch.unravel_index(index, grid)) if grid else () for index in strongest]
    chosen = [torch.tensor(list(side), device=value.device) for side in zip(*positions, strict=True)]

    def pick(out: Tensor, start: int = 0) -> Tensor:
        rows = torch.arange(out.shape[0], device=out.device)
        example = (rows + start) % len(positions)
        return out.movedim(axis, 1)[(rows, asked.channel, *(side[example] for side in chosen))]

    scores = pick(value.detach()).cpu().double().tolist()
    infos = tuple(
        TargetInfo(
            f"channel {asked.channel} of {where}" + (f" at {place}" if place else ""),
            None,
            score,
            unit="activation",
            zh=f"{where} 的通道 {asked.channel}" + (f"，位置 {place}" if place else ""),
        )
        for place, score in zip(positions, scores, strict=True)
    )
    return Resolved(pick, ("unit", where, asked.channel, tuple(positions)), infos)


def start_of(resolved: Resolved, value: Any) -> Tensor:
    """What the backward from a unit begins with: one at each example's unit, zero elsewhere, of the layer's shape."""
    with torch.enable_grad():
        leaf = value.detach().clone().requires_grad_()
        (start,) = torch.autograd.grad(resolved.pick(leaf).sum(), leaf)
    return start
