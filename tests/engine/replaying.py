"""Parts of an input covered by a replay, and by whole forwards of every variant."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from pellucid.engine.cones.patches import gathered, overlaid
from pellucid.engine.cones.plan import Plan, first_boxes, planned
from pellucid.engine.cones.replay import Replay
from pellucid.engine.cones.tape import Tape, recorded


def taped(model: Callable[[Tensor], Any], x: Tensor) -> Tape:
    entered = x.clone()
    return recorded(entered, lambda: model(entered))


def replayed(model: Callable[[Tensor], Any], x: Tensor, boxes: Tensor, fill: float = 0.0) -> tuple[Any, Plan]:
    """What the model returns for `x` with each of `boxes` filled, by a replay; and its plan."""
    tape = taped(model, x)
    around = first_boxes(boxes.numpy(), tuple(x.shape[2:]))
    plan = planned(tape, around)
    covered = torch.cat([row[:, :, *cells(box)] * 0 + fill for row, box in zip([x] * len(boxes), boxes, strict=True)])
    patch = gathered(x, around)
    alone = first_boxes(boxes.numpy(), tuple(x.shape[2:]))
    with torch.no_grad():
        return Replay(tape, plan, overlaid(patch, around, covered, alone)).run(), plan


def whole(model: nn.Module, x: Tensor, boxes: Tensor, fill: float = 0.0) -> Any:
    """The same, one forward for each."""
    rows = x.repeat(len(boxes), *[1] * (x.ndim - 1))
    for row, box in zip(rows, boxes, strict=True):
        row[:, *cells(box)] = fill
    with torch.no_grad():
        return torch.cat([model(row[None]) for row in rows])


def cells(box: Tensor) -> tuple[slice, ...]:
    return tuple(slice(start, stop) for start, stop in box.tolist())


def windows(grid: tuple[int, ...], size: int, count: int = 5) -> Tensor:
    """Windows of one size: in the first corner, the last one, and between."""
    room = torch.tensor([max(0, side - size) for side in grid])
    starts = torch.stack([(room * i) // max(count - 1, 1) for i in range(count)])
    starts[1:-1, -1] = starts[1:-1, -1].flip(0)
    return torch.stack([starts, torch.minimum(starts + size, torch.tensor(grid))], -1)


def relative(a: Tensor, b: Tensor) -> float:
    """The largest difference, of the largest value."""
    return float((a - b).abs().max() / b.abs().max().clamp(min=1e-30))
