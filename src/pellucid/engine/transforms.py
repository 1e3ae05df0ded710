"""What `torch.func` wraps around tensors while it maps or differentiates a function: the tensors beneath count."""

from collections.abc import Callable
from typing import Any, TypeVar

from torch import Tensor
from torch._C._functorch import get_unwrapped, is_functorch_wrapped_tensor, peek_interpreter_stack
from torch._functorch.pyfunctorch import temporarily_clear_interpreter_stack
from torch.utils._pytree import tree_map_only

Given = TypeVar("Given")


def unwrapped(tensor: Tensor) -> Tensor:
    """The tensor that holds the numbers: of `vmap`, with the axis that is mapped over."""
    while is_functorch_wrapped_tensor(tensor):
        tensor = get_unwrapped(tensor)
    return tensor


def beneath(call: Callable[..., Given], *nests: Any) -> Given:
    """What `call` gives of nests of tensors without wrappers, outside of what maps or differentiates."""
    if not peek_interpreter_stack():
        return call(*nests)
    bare = tree_map_only(Tensor, unwrapped, nests)
    with temporarily_clear_interpreter_stack():
        return call(*bare)
