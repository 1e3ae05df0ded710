"""Double precision wherever a device has it."""

from torch import Tensor


def in_double(value: Tensor) -> Tensor:
    """`value` in double precision; brought to the CPU first from a device that has none (MPS)."""
    return (value.cpu() if value.device.type == "mps" else value).double()
