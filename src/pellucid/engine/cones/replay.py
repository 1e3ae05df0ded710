"""Play a tape again for many variants of the input, each step on as little as the plan says."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._pytree import tree_flatten, tree_map

from pellucid.engine.cones.boxes import Boxes
from pellucid.engine.cones.operations import CHANNELWISE, Window
from pellucid.engine.cones.patches import cut, gathered, overlaid, pasted
from pellucid.engine.cones.plan import Action, Plan, spread
from pellucid.engine.cones.rows import every_row
from pellucid.engine.cones.tape import CannotReplay, Ref, Tape

_CONVOLVE: dict[int, Callable[..., Tensor]] = {3: functional.conv1d, 4: functional.conv2d, 5: functional.conv3d}
_SPREAD: dict[int, Callable[..., Tensor]] = {
    3: functional.conv_transpose1d,
    4: functional.conv_transpose2d,
    5: functional.conv_transpose3d,
}
_LARGEST: dict[int, Callable[..., Tensor]] = {
    3: functional.max_pool1d,
    4: functional.max_pool2d,
    5: functional.max_pool3d,
}
_MEAN: dict[int, Callable[..., Tensor]] = {3: functional.avg_pool1d, 4: functional.avg_pool2d, 5: functional.avg_pool3d}


class Replay:
    """One run of a tape.

    Args:
        tape: what to play.
        plan: how, for these boxes.
        patch: what the input is inside them, `(variant, channel, *size)`.
    """

    def __init__(self, tape: Tape, plan: Plan, patch: Tensor) -> None:
        self.tape, self.plan, self.count = tape, plan, len(patch)
        self.parts: dict[int, Tensor] = {0: patch}
        self.whole: dict[int, Tensor] = {}

    def run(self) -> Any:
        """What the model returns for the variants, each a row.

        Raises:
            CannotReplay: its output does not depend on the input as far as the tape tells.
        """
        for i, action in enumerate(self.plan.actions):
            self._play(action)
            for number in {*action.step.inputs, *action.step.outputs}:
                if self.plan.last[number] <= i:
                    self.parts.pop(number, None)
                    self.whole.pop(number, None)
        return tree_map(self._returned, self.tape.output)

    def _returned(self, one: Any) -> Any:
        return self._full(one.value) if isinstance(one, Ref) else one

    def _play(self, action: Action) -> None:
        step = action.step
        if action.kind == "full":
            self._play_full(action)
        elif action.kind == "cells":
            args, kwargs = tree_map(lambda one: self._cells(one, action), (step.args, step.kwargs))
            self._keep(action, step.func(*args, **kwargs))
        elif action.kind == "join":
            tensors = [self._cells(one, action) for one in step.args[0]]
            self._keep(action, torch.cat(tensors, 1))
        elif action.kind == "part":
            self._keep(action, step.func(self.parts[step.inputs[0]], *step.args[1:], **step.kwargs))
        elif action.kind == "shift":
            self._keep(action, self.parts[step.inputs[0]])
        else:
            self._keep(action, self._windowed(action))

    def _keep(self, action: Action, made: Any) -> None:
        store = self.whole if action.boxes is None else self.parts
        for ref, tensor in zip(tree_flatten(action.step.out)[0], tree_flatten(made)[0], strict=True):
            if isinstance(ref, Ref):
                store[ref.value] = tensor

    def _cells(self, one: Any, action: Action) -> Any:
        """An argument on the boxes of an operation that works cell by cell."""
        boxes = action.boxes
        if boxes is None or not isinstance(one, (Ref, Tensor)):
            return one
        if isinstance(one, Ref):
            mine = self.plan.boxes[one.value]
            if mine is None or mine.same(boxes):
                return self.parts[one.value]
            return self._region(one.value, boxes)
        grid = self.tape.values[action.step.outputs[0]].shape[2:]
        if action.step.name in CHANNELWISE or not spread(one, grid):
            return one
        return gathered(one, boxes)

    def _region(self, number: int, boxes: Boxes, blank: float = 0.0) -> Tensor:
        """A part of a value, with its changed part laid over what it was."""
        clean, mine = self.tape.values[number].clean, self.plan.boxes[number]
        if clean is None or mine is None:
            raise CannotReplay("a value that was let go of")
        return overlaid(gathered(clean, boxes, blank), boxes, self.parts[number], mine)

    def _windowed(self, action: Action) -> Tensor:
        window, read, number = action.window, action.read, action.step.inputs[0]
        if window is None or read is None or action.boxes is None:
            raise CannotReplay("a window without its geometry")
        region = self._region(number, read, window.blank)
        out = _run_window(window, region)
        if window.kind in ("transposed", "nearest"):
            front = read.starts * window.reach.stride - window.reach.padding
            return cut(out, action.boxes.starts - front, action.boxes.size)
        return out

    def _full(self, number: int) -> Tensor:
        """A value, every row whole."""
        if number not in self.whole:
            clean, boxes = self.tape.values[number].clean, self.plan.boxes[number]
            if clean is None or boxes is None:
                raise CannotReplay("a value that was let go of")
            self.whole[number] = pasted(clean, self.parts[number], boxes)
        return self.whole[number]

    def _play_full(self, action: Action) -> None:
        values = {number: self._full(number) for number in action.step.inputs}
        self._keep(action, every_row(self.tape, action.step, values, self.count))


def _run_window(window: Window, region: Tensor) -> Tensor:
    reach, given = window.reach, window.given
    rank = region.ndim
    if window.kind == "conv":
        return _CONVOLVE[rank](
            region, given["weight"], given["bias"], reach.stride, 0, reach.dilation, int(given["groups"])
        )
    if window.kind == "transposed":
        return _SPREAD[rank](
            region, given["weight"], given["bias"], reach.stride, 0, 0, int(given["groups"]), reach.dilation
        )
    if window.kind == "nearest":
        for axis, times in enumerate(reach.stride, start=2):
            region = region.repeat_interleave(times, axis)
        return region
    if window.kind == "max":
        return _LARGEST[rank](region, reach.kernel, reach.stride, 0, reach.dilation)
    if given["divisor_override"] is None:
        return _MEAN[rank](region, reach.kernel, reach.stride)
    return _MEAN[rank](region, reach.kernel, reach.stride, divisor_override=given["divisor_override"])
