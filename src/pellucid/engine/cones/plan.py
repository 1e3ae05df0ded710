"""What a replay has to compute again for given boxes of the input, and what that costs beside the whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from torch import Tensor
from torch.utils._pytree import tree_iter

from pellucid.engine.cones.boxes import Boxes, Grid, around, union
from pellucid.engine.cones.operations import (
    CHANNELWISE,
    POINTWISE,
    Window,
    enlarging,
    multiplications,
    trains,
    window_of,
)
from pellucid.engine.cones.tape import Ref, Step, Tape

MOST_SHARE = 0.7
"""Of a map's cells; where the boxes cover more, the whole map is computed."""
CELL, WINDOW_STEP = 16.0, 1e5
"""What writing a cell, and a step for one window, cost beside a multiplication of a large convolution."""


@dataclass(frozen=True, eq=False)
class Action:
    """How one step is played again.

    Args:
        kind: "cells" on the boxes, "window" from a neighbourhood, "join" along the channels, "shift" into a padded map,
            "part" of the channels, or "full": every row whole.
        boxes: of what it gives; None where that is whole.
        read: the part of its input that a window reads.
    """

    kind: str
    step: Step
    boxes: Boxes | None = None
    window: Window | None = None
    read: Boxes | None = None


@dataclass(frozen=True, eq=False)
class Plan:
    """Every step of a tape, for one set of boxes.

    Args:
        boxes: of each value by number; None where it is whole.
        share: what it costs, of what whole forwards would cost.
        saved: the difference, in multiplications.
        last: step after which a value is not needed any more, by number.
    """

    actions: tuple[Action, ...]
    boxes: tuple[Boxes | None, ...]
    share: float
    saved: float
    last: dict[int, int]


def planned(tape: Tape, boxes: Boxes) -> Plan:
    """Follow the boxes through the tape."""
    found: list[Boxes | None] = [None] * len(tape.values)
    found[0] = boxes
    count = len(boxes.starts)
    actions: list[Action] = []
    whole = again = 0.0
    last: dict[int, int] = {}
    for i, step in enumerate(tape.steps):
        action = _action(tape, step, found) or Action("full", step)
        actions.append(action)
        for number in step.outputs:
            found[number] = action.boxes
        last.update(dict.fromkeys((*step.inputs, *step.outputs), i))
        cost = _cost(tape, step)
        whole += count * cost
        out = tape.values[step.outputs[0]].shape[2:] if step.outputs else ()
        share = action.boxes.share(out) if action.boxes is not None else 1.0
        read = prod(action.read.size) * tape.values[step.inputs[0]].shape[1] if action.read is not None else 0
        again += count * (cost * share + CELL * read + WINDOW_STEP)
    for one in tree_iter(tape.output):
        if isinstance(one, Ref):
            last[one.value] = len(tape.steps)
    return Plan(tuple(actions), tuple(found), again / max(whole, 1.0), whole - again, last)


def _cost(tape: Tape, step: Step) -> float:
    out = max((tape.values[number].shape for number in step.outputs), key=prod, default=())
    tensors = [
        tape.values[one.value].shape if isinstance(one, Ref) else tuple(one.shape)
        for one in tree_iter((step.args, step.kwargs))
        if isinstance(one, (Ref, Tensor))
    ]
    return multiplications(step.name, tensors, out) + CELL * prod(out)


def _action(tape: Tape, step: Step, found: Sequence[Boxes | None]) -> Action | None:
    """How to play a step on boxes; None where it has to be whole."""
    inputs, outputs = step.inputs, step.outputs
    shapes = [tape.values[number].shape for number in inputs]
    rank = len(shapes[0]) - 2
    boxes = [one for number in inputs if (one := found[number]) is not None]
    if len(boxes) < len(inputs) or not outputs or any(len(shape) != rank + 2 for shape in shapes):
        return None
    if any(len(tape.values[number].shape) != rank + 2 or not tape.values[number].rowed for number in outputs):
        return None
    grid = tape.values[outputs[0]].shape[2:]
    alike = all(shape[2:] == grid for shape in shapes)
    if step.name in POINTWISE:
        return _cells(step, boxes, grid) if alike else None
    if step.name == "cat":
        return _join(step, boxes, grid) if alike else None
    if step.name in ("chunk", "split", "getitem"):
        return Action("part", step, boxes[0]) if alike and _of_channels(step, len(grid)) else None
    if len(inputs) > 1 or not step.args or not isinstance(step.args[0], Ref):
        return None
    if step.name == "pad":
        return _shift(step, boxes[0], grid)
    window = window_of(step.name, step.args, step.kwargs) or enlarging(step.name, step.kwargs, shapes[0][2:], grid)
    return None if window is None else _window(step, window, boxes[0], grid)


def _bounded(action: Action, grid: Grid) -> Action | None:
    return None if action.boxes is None or action.boxes.share(grid) > MOST_SHARE else action


def _cells(step: Step, boxes: list[Boxes], grid: Grid) -> Action | None:
    if trains(step.name, step.args, step.kwargs):
        return None
    if step.name not in CHANNELWISE:
        for one in tree_iter((step.args, step.kwargs)):
            if isinstance(one, Tensor) and spread(one, grid) is None:
                return None
    return _bounded(Action("cells", step, union(boxes, grid)), grid)


def spread(constant: Tensor, grid: Grid) -> bool | None:
    """Whether a constant has a value for each cell of the grid (True) or one for all (False); None: neither."""
    sides = tuple(constant.shape[-len(grid) :])
    if all(side == 1 for side in sides):
        return False
    return True if sides == grid and constant.ndim == len(grid) + 2 and constant.shape[0] == 1 else None


def _join(step: Step, boxes: list[Boxes], grid: Grid) -> Action | None:
    dim = step.kwargs.get("dim", step.kwargs.get("axis", step.args[1] if len(step.args) > 1 else 0))
    constants = [one for one in tree_iter(step.args) if isinstance(one, Tensor)]
    if dim not in (1, -len(grid) - 1) or any(tuple(one.shape[2:]) != grid or len(one) != 1 for one in constants):
        return None
    return _bounded(Action("join", step, union(boxes, grid)), grid)


def _of_channels(step: Step, rank: int) -> bool:
    if step.name == "getitem":
        at: Any = step.args[1]
        whole = slice(None)
        return (
            isinstance(at, tuple)
            and len(at) > 1
            and at[0] == whole
            and isinstance(at[1], slice)
            and all(one == whole or one is Ellipsis for one in at[2:])
        )
    dim = step.kwargs.get("dim", step.args[2] if len(step.args) > 2 else 0)
    return dim in (1, -rank - 1)


def _shift(step: Step, boxes: Boxes, grid: Grid) -> Action | None:
    pads = step.args[1] if len(step.args) > 1 else step.kwargs.get("pad", ())
    mode = step.args[2] if len(step.args) > 2 else step.kwargs.get("mode", "constant")
    if mode != "constant" or len(pads) > 2 * len(grid) or any(not isinstance(one, int) or one < 0 for one in pads):
        return None
    front = [0] * len(grid)
    for axis, one in enumerate(pads[::2]):
        front[-1 - axis] = one
    return Action("shift", step, boxes.shifted(front))


def _window(step: Step, window: Window, boxes: Boxes, grid: Grid) -> Action | None:
    if window.kind in ("transposed", "nearest"):
        out, read = window.reach.backed(boxes, grid)
    else:
        out = window.reach.reached(boxes, grid)
        read = window.reach.read(out)
    return _bounded(Action("window", step, out, window, read), grid)


def first_boxes(parts: Any, grid: Grid) -> Boxes:
    """Boxes of one size around parts `(variant, axis, 2)` of the input."""
    return around(parts[..., 0], parts[..., 1], grid)
