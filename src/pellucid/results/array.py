"""Tensors of any library to numpy, without importing that library."""

from typing import Any

import numpy as np


def as_array(values: Any) -> np.ndarray:
    """A read-only numpy array of `values`: float32 (float64 stays), integers and booleans as they are.

    Torch tensors are detached and brought to the CPU; half precision becomes float32. An array that is read-only and
    owns its numbers is taken as it is, since nothing else can change it.
    """
    if _is_settled(values):
        return values
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if values.is_floating_point() and values.element_size() < 4:
            values = values.float()
        values = values.resolve_conj().numpy()
    array = np.array(values)
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    array.setflags(write=False)
    return array


def _is_settled(values: Any) -> bool:
    plain = type(values) is np.ndarray and values.base is None and not values.flags.writeable
    return plain and values.dtype != np.float16
