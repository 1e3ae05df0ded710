"""Outputs of every shape, and what a target picks of them."""

from typing import Any

import torch
from torch import Tensor

from pellucid.engine.targets.target import Resolved, Target

DRAW = torch.Generator().manual_seed(0)
ROWS = torch.randn(3, 5, generator=DRAW)
TOKENS = torch.randn(2, 4, 6, generator=DRAW)
PIXELS = torch.randn(2, 3, 4, 5, generator=DRAW)
LABELS = ("tabby cat", "Tiger", "lynx", "otter", "crane")


def resolved(asked: Any, output: Tensor, **more: Any) -> tuple[Resolved, Tensor]:
    """The target, fixed on the output, and its scores there."""
    found = Target(asked, **more).resolve(output, output)
    return found, found.pick(output)
