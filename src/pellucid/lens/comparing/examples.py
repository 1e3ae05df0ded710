"""An input as a data set, and some samples of a data set."""

from typing import Any

import numpy as np
from torch import Tensor

from pellucid.inputs.data.data import Bad, Data
from pellucid.inputs.data.open import open_data
from pellucid.inputs.inputs import Inputs


def rows_of(x: Inputs) -> list[Any] | None:
    """The examples of an input, as a data set gives them; None where they share a part or hold more than tensors."""
    held: dict[Any, Any] = {**dict(enumerate(x.args)), **x.kwargs}
    if x.shared or (x.args and x.kwargs):
        return None
    if not all(isinstance(one, Tensor) and one.ndim and len(one) == x.size for one in held.values()):
        return None
    if x.kwargs:
        return [{name: value[i] for name, value in held.items()} for i in range(x.size)]
    return [x.args[0][i] if len(held) == 1 else (tuple(one[i] for one in x.args),) for i in range(x.size)]


def some_of(data: Data, most: int, *, labelled: bool = True) -> Data:
    """Samples spread evenly over a data set; what cannot be read is left out.

    Args:
        labelled: whether they keep their labels.
    Raises:
        BadInput: none of them can be read.
    """
    ordinals = sorted({round(one) for one in np.linspace(0, len(data) - 1, min(most, len(data)))})
    samples = [one for one in map(data.read, ordinals) if not isinstance(one, Bad)]
    if not labelled:
        return open_data([(one.x,) for one in samples])
    return open_data([(one.x, one.label) for one in samples], classes=data.classes or None)
