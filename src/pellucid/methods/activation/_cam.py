"""What class activation maps share: the cells of a layer, and what an empty map means."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking, Pass, Seen, Spot
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.ops.spatial import channels_first
from pellucid.results import Attribution
from pellucid.results.array import as_array

Weigh = Callable[[Tensor, Tensor], Tensor]
Remark = Callable[[Tensor, Tensor], tuple[Text, ...]]
_AXES = {1: ("time",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def gradient_cams(
    x: Inputs,
    target: Target,
    layer: Layer,
    weigh: Weigh,
    *,
    relu: bool,
    per_cell: bool = False,
    remark: Remark | None = None,
) -> Looking[tuple[Attribution, ...]]:
    """One map for each place on the grid, from one forward and one backward.

    Args:
        weigh: activation and gradient, `(batch, channel, *grid)`, to the signed map `(batch, *grid)`.
        relu: whether only what is positive is kept.
        per_cell: whether the map is in units of the target per cell, not in units of the target.
        remark: what the reader must know of this activation and gradient.
    """
    seen = yield from Pass(x, keep=[layer], grads=[layer], target=target)
    return tuple(_map(x, seen, spot, weigh, relu, per_cell, remark) for spot in on_grid(seen, layer))


def _map(
    x: Inputs, seen: Seen, spot: Spot, weigh: Weigh, relu: bool, per_cell: bool, remark: Remark | None
) -> Attribution:
    activation, gradient = on_cells(spot, spot.value), on_cells(spot, spot.gradient)
    signed = weigh(activation, gradient)
    reached = (gradient != 0).flatten(1).any(1)
    silent = reached & (signed == 0).flatten(1).all(1)
    against = reached & ~silent & (signed <= 0).flatten(1).all(1)
    unreached, empty = int((~reached).sum()), int(silent.sum())
    notes = told(unreached, int(against.sum()) if relu else 0, empty, len(signed))
    unit = seen.targets[0].unit
    return drawn(
        x,
        seen,
        spot,
        signed,
        relu=relu,
        unit=Text(f"{unit} per cell", f"{unit} / 格") if per_cell else unit,
        facts={"without gradient": unreached} | ({"zero before the ReLU": empty} if empty else {}),
        notes=notes + (remark(activation, gradient) if remark else ()),
    )


def on_grid(seen: Seen, layer: Layer) -> tuple[Spot, ...]:
    """The places that lie on the grid; all of them if none does, so that the reader is told."""
    spots = seen.at(layer)
    return tuple(spot for spot in spots if spot.layout is not None) or spots


def on_cells(spot: Spot, value: Tensor) -> Tensor:
    """`(batch, channel, *grid)` in single precision or better.

    Raises:
        NotApplicable: the place does not lie on the input's grid.
    """
    value = channels_first(value, spot.layout, spot.address)
    return value.to(torch.promote_types(value.dtype, torch.float32))


def axes_of_cells(value: Tensor) -> tuple[int, ...]:
    """The axes behind batch and channel."""
    return tuple(range(2, value.ndim))


def drawn(
    x: Inputs,
    seen: Seen,
    spot: Spot,
    signed: Tensor,
    *,
    relu: bool,
    unit: Text | str,
    facts: dict[str, Any],
    notes: tuple[Text, ...],
) -> Attribution:
    """A map `(batch, *grid)` as it is laid on the input."""
    rank = signed.ndim - 1
    return Attribution(
        values=as_array(signed.relu() if relu else signed),
        axes=("batch", *_AXES[rank]),
        base=x.canvas(rank),
        signed=not relu,
        layer=spot.address,
        targets=seen.targets,
        notes=seen.notes + notes,
        unit=unit,
        facts=facts,
    )


def told(unreached: int, against: int, silent: int, examples: int) -> tuple[Text, ...]:
    """What an empty map means, each with how many examples it concerns."""
    found: list[Text] = []
    if unreached:
        found.append(
            Text(
                f"In {unreached} of {examples} examples no gradient reaches this layer's cells, so the map is empty: take an earlier layer.",
                f"{examples} 个样本中有 {unreached} 个的梯度没有到达该层的各位置，图为空：请改用更早的层。",
            )
        )
    if against:
        found.append(
            Text(
                f"In {against} of {examples} examples no cell speaks for the target: after the ReLU the map is empty. relu=False shows it.",
                f"{examples} 个样本中有 {against} 个没有任何位置支持目标：经 ReLU 后图为空。可用 relu=False 查看。",
            )
        )
    if silent:
        found.append(
            Text(
                f"In {silent} of {examples} examples nothing found here raises the target: the map is empty, with and without the ReLU.",
                f"{examples} 个样本中有 {silent} 个在此处没有任何内容抬高目标：无论有无 ReLU，图都为空。",
            )
        )
    return tuple(found)
