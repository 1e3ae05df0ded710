"""The loss scale of mixed precision: found, and read without waiting."""

import math
import sys
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.amp import GradScaler

from pellucid.engine.monitor.measured import Measured

DEPTH, TRIES = 12, 3


def scale_of(scaler: Any) -> Tensor | None:
    """The factor that the loss is multiplied by now, a copy on its device; None without one."""
    if scaler is None or not scaler.is_enabled():
        return None
    held = scaler._scale
    return torch.tensor(float(scaler._init_scale)) if held is None else held.detach().clone()


def calling_scaler() -> GradScaler | None:
    """The scaler that is calling the optimizer right now, if one is: users need not name it."""
    frame: FrameType | None = sys._getframe(1)
    for _ in range(DEPTH):
        if frame is None:
            return None
        owner = frame.f_locals.get("self")
        if isinstance(owner, GradScaler):
            return owner
        frame = frame.f_back
    return None


class Scale:
    """The loss scale of one training; its scaler is given, or found when it calls the optimizer."""

    def __init__(self, scaler: Any = None) -> None:
        self.scaler, self.tries = scaler, 0

    def note(self, measured: Measured, *, calling: bool = False) -> None:
        """Note the scale of this step, once.

        Args:
            calling: an optimizer is being called right now; then who calls it is found, in the first few tries.
        """
        if calling and self.scaler is None and self.tries < TRIES:
            self.tries, self.scaler = self.tries + 1, calling_scaler()
        scale = None if "scale" in measured.facts else scale_of(self.scaler)
        if scale is not None:
            measured.facts["scale"] = math.nan
            measured.transfer.add(("fact", "scale"), scale)
