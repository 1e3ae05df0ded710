"""Scalars on devices, brought to the host together, and read when they have arrived."""

from typing import Any

import numpy as np
import torch
from torch import Tensor


class Transfer:
    """Collects scalars, then moves them: one copy for each device and type, none of which is waited for."""

    def __init__(self) -> None:
        self.groups: dict[tuple[torch.device, torch.dtype], tuple[list[Any], list[Tensor]]] = {}
        self.moved: list[tuple[list[Any], Tensor]] = []
        self.events: list[Any] = []

    def add(self, key: Any, value: Tensor) -> None:
        """Remember a scalar that stays on its device for now."""
        kind = value.device, (value.dtype if value.dtype in (torch.float32, torch.int64) else torch.float64)
        keys, values = self.groups.setdefault(kind, ([], []))
        keys.append(key)
        values.append(value.detach())

    def start(self) -> "Transfer":
        """Begin the way to the host."""
        for (device, dtype), (keys, values) in self.groups.items():
            joined = torch.stack([one.to(dtype).reshape(()) for one in values])
            if device.type == "cuda":
                host = torch.empty(joined.shape, dtype=dtype, pin_memory=True)
                host.copy_(joined, non_blocking=True)
                event = torch.cuda.Event()
                event.record(torch.cuda.current_stream(device))
                self.events.append(event)
            else:
                host = joined.cpu()
            self.moved.append((keys, host))
        self.groups = {}
        return self

    @property
    def ready(self) -> bool:
        """Whether everything has arrived."""
        return all(one.query() for one in self.events)

    def read(self) -> dict[Any, float]:
        """Every number by its key; waits where it has not arrived."""
        for event in self.events:
            event.synchronize()
        found: dict[Any, float] = {}
        for keys, host in self.moved:
            found.update(zip(keys, host.numpy().astype(np.float64).tolist(), strict=True))
        return found
