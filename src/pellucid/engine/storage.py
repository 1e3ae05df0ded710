"""Which tensors show the same memory, and how often it was written."""

from torch import Tensor


def storage_of(tensor: Tensor) -> int:
    """What tensors that show the same memory have in common."""
    try:
        return tensor.untyped_storage()._cdata
    except (NotImplementedError, RuntimeError):
        return id(tensor)


def writes_of(tensor: Tensor) -> int:
    """How often a tensor was written in place; 0 of those of `torch.inference_mode`, which do not count it."""
    return 0 if tensor.is_inference() else tensor._version
