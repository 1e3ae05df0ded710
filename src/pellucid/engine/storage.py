"""Which tensors show the same memory."""

from torch import Tensor


def storage_of(tensor: Tensor) -> int:
    """What tensors that show the same memory have in common."""
    try:
        return tensor.untyped_storage()._cdata
    except (NotImplementedError, RuntimeError):
        return id(tensor)
