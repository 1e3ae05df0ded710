"""The loss scale of mixed precision, read without waiting, and the steps that its scaler asks for."""

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor
from torch.amp import GradScaler
from torch.optim import Optimizer

from pellucid.engine.monitor.measured import Measured


def scale_of(scaler: Any) -> Tensor | None:
    """The factor that the loss is multiplied by now, a copy on its device; None without one."""
    if scaler is None or not scaler.is_enabled():
        return None
    held = scaler._scale
    return torch.tensor(float(scaler._init_scale)) if held is None else held.detach().clone()


class Scale:
    """The loss scale of one training; its scaler is given, or is the one that asks an optimizer for a step."""

    def __init__(self, scaler: Any = None) -> None:
        self.scaler = scaler

    def note(self, measured: Measured) -> None:
        """Note the scale of this step, once."""
        scale = None if "scale" in measured.facts else scale_of(self.scaler)
        if scale is not None:
            measured.facts["scale"] = math.nan
            measured.transfer.add(("fact", "scale"), scale)


class ScalerHook:
    """Tells of every `GradScaler.step`, as torch's own hooks tell of an optimizer's; without it a step that the scaler
    skips is none.

    Args:
        before: called with the scaler and the optimizer.
        after: called with the optimizer, whether it has stepped or not.
    """

    def __init__(self, before: Callable[[Any, Optimizer], None], after: Callable[[Optimizer], None]) -> None:
        self.live, self.plain = True, _SCALER.step

        @wraps(self.plain)
        def step(scaler: Any, optimizer: Optimizer, *args: Any, **kwargs: Any) -> Any:
            if self.live:
                before(scaler, optimizer)
            given = self.plain(scaler, optimizer, *args, **kwargs)
            if self.live:
                after(optimizer)
            return given

        self.step = step
        _LAID.append(self)
        _SCALER.step = step

    def remove(self) -> None:
        """Tell no more; what lies on top of others is taken off."""
        self.live = False
        while _LAID and not _LAID[-1].live and _SCALER.step is _LAID[-1].step:
            _SCALER.step = _LAID.pop().plain


_SCALER: Any = GradScaler
_LAID: list[ScalerHook] = []
