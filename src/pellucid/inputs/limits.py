"""The least and the greatest value that an input can have."""

import numpy as np
import torch
from torch import Tensor

from pellucid.inputs.inputs import Inputs


def picture_limits(x: Inputs, name: str) -> tuple[Tensor, Tensor] | None:
    """What black and white are in the units of the network, `(1, channel, 1, 1)` each.

    Read off the picture that the input was drawn back to: both are the same up to a factor and a shift per channel.

    Returns:
        None where the input is no picture, or its preprocessing was not stated.
    """
    base, value = x.base.get(name), x.tensors.get(name)
    if base is None or value is None or base.kind != "image" or base.stretched or base.values is None:
        return None
    if not value.is_floating_point() or value.shape[1] not in (1, 3):
        return None
    found = []
    for channel in range(value.shape[1]):
        shown = base.values[..., channel].astype(np.float64).ravel()
        given = value[:, channel].detach().cpu().double().numpy().ravel()
        inside = np.flatnonzero((shown > 0) & (shown < 1))
        pair = (inside[shown[inside].argmin()], inside[shown[inside].argmax()]) if inside.size else (0, 0)
        if shown[pair[1]] - shown[pair[0]] < 1e-3:
            return None
        slope = (given[pair[1]] - given[pair[0]]) / (shown[pair[1]] - shown[pair[0]])
        shift = given[pair[0]] - slope * shown[pair[0]]
        found.append(sorted((shift, shift + slope)))
    low, high = torch.tensor(found, dtype=value.dtype, device=value.device).T.reshape(2, 1, -1, 1, 1)
    return low, high
