"""How many rows a pass without a gradient should have, where many variants of an input wait to be looked at."""

from math import prod

from torch import Tensor

from pellucid.inputs.inputs import Inputs

CPU_BYTES, DEVICE_BYTES = 8 * 2**20, 64 * 2**20
CPU_ROWS, DEVICE_ROWS = 128, 256
VARIANT_BYTES, VARIANT_ROWS = 128 * 2**20, 320
TOKEN_BYTES = 3 * 2**10


def rows_per_pass(x: Inputs, batch_size: int | None) -> int:
    """How many rows one pass should have; the same for a batch as for each of its members.

    On a processor a pass gains nothing from more rows than its caches hold: one thread takes as long per row of
    ResNet-50 or VGG-16 at 8 rows as at 32. An accelerator wants many. Small inputs get more rows than large ones.

    Args:
        x: the input; its bytes per example are what counts, an integer as the embedding that it stands for.
        batch_size: what the user asked for; None: as described.
    Returns: at least 1.
    """
    if batch_size is not None:
        return max(1, batch_size)
    tensors = [*x.tensors.values(), *x.embedded.values()]
    largest = max((_bytes_of_a_row(one) for one in tensors), default=1)
    on_cpu = all(one.device.type == "cpu" for one in tensors)
    room, most = (CPU_BYTES, CPU_ROWS) if on_cpu else (DEVICE_BYTES, DEVICE_ROWS)
    return min(most, max(1, room // max(1, largest)))


def variants_per_pass(value: Tensor, batch_size: int | None) -> int:
    """How many variants of what flows at a layer one pass should make: many, as each pass runs what lies before once.

    Args:
        value: what flows there, batch axis first.
        batch_size: what the user asked for; None: as described.
    Returns: at least 1.
    """
    if batch_size is not None:
        return max(1, batch_size)
    return min(VARIANT_ROWS, max(1, VARIANT_BYTES // max(1, _bytes_of_a_row(value))))


def _bytes_of_a_row(value: Tensor) -> int:
    each = value.element_size() if value.is_floating_point() or value.is_complex() else TOKEN_BYTES
    return prod(value.shape[1:]) * each
