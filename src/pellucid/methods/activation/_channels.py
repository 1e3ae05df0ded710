"""Channels of a layer taken away one at a time, from one example at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.sites import Site
from pellucid.core.text import Text
from pellucid.engine.edits import variants
from pellucid.engine.passes import Looking, Pass, Spot
from pellucid.engine.roles import Layout
from pellucid.engine.rows import variants_per_pass
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs

SAME = 1e-3


@dataclass(frozen=True, eq=False)
class Ablation:
    """Which channels of one layer are taken away from each example of a batch.

    Args:
        spot: the layer, with what flows there.
        fill: what the cells of a channel become, `(batch, channel)`.
        channels: of each example.
    """

    spot: Spot
    fill: Tensor
    channels: Sequence[Tensor]

    @property
    def count(self) -> int:
        """How many variants there are in all."""
        return sum(map(len, self.channels))


def ablated(x: Inputs, target: Target, asked: Ablation, scores: Tensor, batch_size: int | None) -> Looking[Tensor]:
    """How much each score falls, `(batch, channel)`; zero where a channel is not taken away.

    Each pass makes one variant more than it takes channels away, as the last: the example as it is, whose score the
    others are compared with, so that rounding cancels.

    Raises:
        NotApplicable: the example as it is does not score what it did, so what flows at the layer cannot be replaced.
    """
    drops = torch.zeros_like(asked.fill, dtype=torch.float64)
    place, rows, done = asked.spot.place, variants_per_pass(asked.spot.value, batch_size), 0
    site = Site(place.path, place.call, place.op, place.n, place.side)
    for example, chosen in enumerate(asked.channels):
        alone = x.rows(example, example + 1)
        for some in chosen.split(rows):
            change = variants(site, _without(asked.spot, some, asked.fill[example]))
            step = (done, asked.count)
            one = Pass(alone, target=target, edits=(change,), expand=len(some) + 1, start=example, step=step)
            found = (yield from one).scores.to(drops)
            _refuse_lost(asked.spot, float(found[-1]), float(scores[example]))
            drops[example, some] = found[-1] - found[:-1]
            done += len(some)
    return drops


def _without(spot: Spot, channels: Tensor, fill: Tensor) -> Callable[[Tensor], Tensor]:
    layout: Layout | None = spot.layout

    def change(value: Tensor) -> Tensor:
        made = value.repeat(len(channels) + 1, *[1] * (value.ndim - 1))
        rows = torch.arange(len(channels), device=value.device)
        new = fill[channels].to(value).reshape(-1, *[1] * (value.ndim - 2))
        if layout is None or layout.kind == "channels_first":
            made[rows, channels] = new
        elif layout.kind == "channels_last":
            made[rows, ..., channels] = new
        else:
            made[rows, layout.prefix :, channels] = new
        return made

    return change


def _refuse_lost(spot: Spot, now: float, before: float) -> None:
    if abs(now - before) > SAME * max(1.0, abs(before)) + 0.03 * abs(before) * (spot.value.element_size() < 4):
        raise NotApplicable(
            Text(
                f"what flows at '{spot.address}' cannot be replaced: put back unchanged, it changes the score from "
                f"{before:.4g} to {now:.4g} (the model writes through it, or draws at random)",
                f"'{spot.address}' 处的值无法替换：原样放回后，得分由 {before:.4g} 变为 {now:.4g}（模型写入了这个值，或含随机抽样）",
            ),
            hint=Text("take the layer before or after it", "请改用它之前或之后的层"),
        )
