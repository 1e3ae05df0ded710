"""A few figures of a tensor."""

import numpy as np
import torch
from torch import Tensor

_GATES = frozenset({"relu", "relu6", "hardtanh", "threshold", "clamp", "clamp_min", "hardswish", "max_pool2d"})


def figures(tensor: Tensor, name: str) -> dict[str, float] | None:
    """Mean, root mean square, extremes, share of zeros, number of values that are not finite; None of no numbers.

    Those of finite values where some are not. `dead`, for activations that have a zero side, is the share of channels
    (axis 1 of pictures, the last axis of anything else) in which nothing but zeros came out.

    Args:
        tensor: any; complex values are taken as their moduli.
        name: of the call that gave it.
    """
    if not tensor.numel() or not (tensor.is_floating_point() or tensor.is_complex()):
        return None
    value = tensor.detach()
    value = value.abs() if value.is_complex() else value
    value = value.float() if value.element_size() < 4 else value
    low, high = (float(one) for one in torch.aminmax(value))
    count, bad = value.numel(), 0
    if not (abs(low) <= _largest(value) and abs(high) <= _largest(value)):
        finite = value[value.isfinite()]
        bad, count = count - finite.numel(), finite.numel()
        if not count:
            return {"nonfinite": bad}
        value, (low, high) = finite, (float(one) for one in torch.aminmax(finite))
    found = {
        "mean": float(value.mean(dtype=torch.float64 if abs(high) > 1e30 or abs(low) > 1e30 else value.dtype)),
        "rms": float(torch.linalg.vector_norm(value, dtype=_wide(value, low, high))) / count**0.5,
        "min": low,
        "max": high,
        "zeros": 0.0 if low > 0 or high < 0 else 1 - _not_zero(value) / count,
        "nonfinite": bad,
    }
    if name in _GATES and found["zeros"] > 0 and tensor.ndim > 1 and not bad:
        axis = 1 if tensor.ndim > 3 else tensor.ndim - 1
        others = [one for one in range(tensor.ndim) if one != axis]
        silent = (value.amax(others) == 0) & (value.amin(others) == 0)
        found["dead"] = int(silent.sum()) / len(silent)
    return found


def _not_zero(value: Tensor) -> int:
    """NumPy counts several times faster than torch does on the processor."""
    return int(torch.count_nonzero(value)) if value.is_cuda else int(np.count_nonzero(value.numpy(force=True) != 0))


def _wide(value: Tensor, low: float, high: float) -> torch.dtype:
    """A type in which the squares do not overflow."""
    return torch.float64 if max(abs(low), abs(high)) > 1e15 else value.dtype


def _largest(value: Tensor) -> float:
    return torch.finfo(value.dtype).max
