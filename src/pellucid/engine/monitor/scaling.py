"""The loss scale of mixed precision: found, and read without waiting."""

import sys
from types import FrameType
from typing import Any

import torch
from torch import Tensor
from torch.amp import GradScaler

DEPTH = 12


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
