"""How many samples a layer is not finite on, and which is the first."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.engine.passes import Layer
from pellucid.engine.sweeps.reducers import Samples, State

NONE = torch.iinfo(torch.int64).max


@dataclass(frozen=True)
class Broken:
    """State, `()`: `samples` with a value that is not finite, and the number of the `first` of them, `NONE` if none."""

    site: Layer

    def update(self, state: State | None, cells: Tensor, samples: Samples) -> State:
        broken = ~cells.isfinite().flatten(1).all(1)
        batch = {"samples": broken.sum(), "first": samples.ordinals.where(broken, NONE).amin()}
        return batch if state is None else self.merge(state, batch)

    def merge(self, a: State, b: State) -> State:
        return {"samples": a["samples"] + b["samples"], "first": torch.minimum(a["first"], b["first"])}
