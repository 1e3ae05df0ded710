"""Whether two tensors on one memory show some of the same elements."""

from math import gcd

import numpy as np
from torch import Tensor

MOST = 1 << 24
View = tuple[int, tuple[int, ...], tuple[int, ...]]


def overlap(written: Tensor, other: Tensor) -> tuple[bool, bool]:
    """Whether two tensors on one storage have elements in common, and whether `other` has more.

    Where telling it would take more than `MOST` elements, the answer is the careful one: it may be both.
    """
    size = written.untyped_storage().nbytes() // written.element_size()
    if not written.numel() or not other.numel():
        return False, other.numel() > 0
    first, second = _view(written), _view(other)
    whole = first[1:] == ((size,), (1,)) or size == 1
    if whole or written.dtype != other.dtype:
        return True, not whole
    unit = gcd(size, *(_unit(one) for one in (first, second)))
    if size // unit > MOST:
        return True, True
    touched, seen = (_marked(one, unit, size // unit) for one in (first, second))
    return bool((touched & seen).any()), bool((seen & ~touched).any())


def _view(tensor: Tensor) -> View:
    """Offset, lengths and steps, from the smallest step on; axes that go on from one another are one."""
    axes: list[tuple[int, int]] = []
    for step, n in sorted((step, n) for n, step in zip(tensor.shape, tensor.stride(), strict=True)):
        if axes and step == axes[-1][0] * axes[-1][1]:
            axes[-1] = (axes[-1][0], axes[-1][1] * n)
        elif n > 1 and step > 0:
            axes.append((step, n))
    return int(tensor.storage_offset()), tuple(n for _, n in axes), tuple(step for step, _ in axes)


def _unit(view: View) -> int:
    """The largest number of neighbouring elements that the view always takes together."""
    offset, lengths, steps = view
    run = lengths[0] if steps[:1] == (1,) else 1
    return gcd(run, offset, *steps[1 if run > 1 else 0 :])


def _marked(view: View, unit: int, size: int) -> np.ndarray:
    """Which units a view shows."""
    offset, lengths, steps = view
    marks = np.zeros(size, bool)
    places = np.array([offset // unit])
    for n, step in zip(lengths, steps, strict=True):
        if step < unit:
            places = (places[:, None] + np.arange(n * step // unit)).reshape(-1)
        else:
            places = (places[:, None] + np.arange(n) * (step // unit)).reshape(-1)
    marks[places] = True
    return marks
