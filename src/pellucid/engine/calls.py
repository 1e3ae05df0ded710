"""What a function call seen by the function mode is: its name, whether it writes, how to step into it."""

import builtins
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import FunctionType
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

_NOT_WRITING = frozenset({"requires_grad_", "share_memory_", "rename_"})
_SILENT = frozenset(
    {
        "size",
        "dim",
        "numel",
        "stride",
        "item",
        "tolist",
        "is_floating_point",
        "is_complex",
        "type",
        "numpy",
        "element_size",
        "data_ptr",
        "storage_offset",
        "is_contiguous",
        "backward",
        "register_hook",
        "__len__",
        "retain_grad",
        "requires_grad_",
        "__bool__",
        "__int__",
        "__float__",
        "__index__",
        "__format__",
        "__repr__",
        "__hash__",
        "untyped_storage",
        "get_device",
        "nelement",
        "ndimension",
        "is_signed",
        "is_inference",
        "_is_view",
        "__dir__",
        "__contains__",
        "__array__",
        "__reduce_ex__",
        "__deepcopy__",
    }
)
_SILENT_GETTERS = frozenset(
    {
        "shape",
        "device",
        "dtype",
        "ndim",
        "requires_grad",
        "grad_fn",
        "is_leaf",
        "layout",
        "is_cuda",
        "is_sparse",
        "is_quantized",
        "names",
        "grad",
        "_version",
        "is_meta",
        "itemsize",
        "nbytes",
        "is_mps",
        "is_cpu",
        "is_nested",
        "is_mkldnn",
        "output_nr",
        "_base",
        "name",
        "_backward_hooks",
    }
)
_SAME = {
    "truediv": "div",
    "divide": "div",
    "subtract": "sub",
    "multiply": "mul",
    "true_divide": "div",
    "bmm": "matmul",
    "mm": "matmul",
    "_softmax": "softmax",
    "concat": "cat",
    "concatenate": "cat",
    "setitem": "setitem",
}
RECURRENT = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell"})
ATTENTION = frozenset({"scaled_dot_product_attention", "softmax"})


@dataclass(frozen=True, slots=True)
class Call:
    """A function as the engine knows it.

    Args:
        name: as in addresses: `relu_`, `F.relu` and `x.relu()` are all `relu`.
        silent: it never gives a tensor of the network.
        writes: it changes its first argument.
        recurrent: its kernel differs without gradients.
        inner: the same Python function, able to be stepped into.
    """

    name: str
    silent: bool = False
    writes: bool = False
    recurrent: bool = False
    inner: Callable[..., Any] | None = None

    def written(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The tensor that this call is about to change, or None."""
        if self.writes or kwargs.get("inplace"):
            return args[0] if args else kwargs.get("input", kwargs.get("self"))
        return kwargs.get("out")


@cache
def known(func: Any) -> Call:
    """What `func`, as a function mode gets it, is."""
    raw = getattr(func, "__name__", "") or type(func).__name__
    if raw == "__get__":
        owner = getattr(getattr(func, "__self__", None), "__name__", "getter")
        return Call(owner, silent=owner in _SILENT_GETTERS)
    if raw in ("__set__", "__delete__"):
        return Call(raw, silent=True)
    if raw in _SILENT or func is Tensor.__repr__:
        return Call(raw, silent=True)
    if isinstance(func, torch._ops.OpOverload):
        raw = func._schema.name.split("::")[-1]
    name, writes = _plain(raw)
    inner = _steppable(func) if func is functional.multi_head_attention_forward else None
    return Call(name, writes=writes, recurrent=name in RECURRENT, inner=inner)


def _plain(raw: str) -> tuple[str, bool]:
    if raw.startswith("__") and raw.endswith("__"):
        name = raw[2:-2]
        writes = name == "setitem" or (
            name.startswith("i") and hasattr(builtins.int, f"__{name[1:]}__") and name != "invert"
        )
        name = name[1:] if writes and name != "setitem" else name
        name = name[1:] if name[:1] == "r" and hasattr(builtins.int, f"__{name[1:]}__") else name
        return _SAME.get(name, name), writes
    writes = raw.endswith("_") and raw not in _NOT_WRITING
    name = raw.rstrip("_")
    return _SAME.get(name, name), writes


def _steppable(func: Any) -> Callable[..., Any]:
    """`func` with its own override check answered "no", so that the calls inside it can be seen."""

    def no(*_: Any) -> bool:
        return False

    names = ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")
    inside = FunctionType(
        func.__code__,
        {**func.__globals__, **dict.fromkeys(names, no)},
        func.__name__,
        func.__defaults__,
        func.__closure__,
    )
    inside.__kwdefaults__ = func.__kwdefaults__
    return inside


def first_tensor(value: Any, *, floating: bool = True) -> Tensor | None:
    """The first (floating) tensor in a nest of tuples, lists, dicts and dataclasses."""
    if isinstance(value, Tensor):
        return value if not floating or value.is_floating_point() or value.is_complex() else None
    for _, part in fields(value):
        found = first_tensor(part, floating=floating)
        if found is not None:
            return found
    return None


def fields(value: Any) -> list[tuple[str, Any]]:
    """Names and parts of a nest; empty for anything else."""
    if isinstance(value, dict):
        return [(str(key), part) for key, part in value.items()]
    if isinstance(value, (tuple, list)):
        names = getattr(value, "_fields", None) or range(len(value))
        return [(str(name), part) for name, part in zip(names, value, strict=True)]
    if hasattr(value, "__dataclass_fields__"):
        return [(name, getattr(value, name, None)) for name in value.__dataclass_fields__]
    return []


def part(value: Any, field: str) -> Any:
    """The part of a nest that a dotted field names; the first floating tensor for `""`; None if there is none."""
    if not field:
        return first_tensor(value)
    for name in field.split("."):
        value = dict(fields(value)).get(name)
    return value if isinstance(value, Tensor) else None


def with_part(value: Any, field: str, new: Tensor) -> Any:
    """The nest with that part replaced; containers on the way are rebuilt, never written."""
    if isinstance(value, Tensor) and not field:
        return new
    items = fields(value)
    if field:
        head, _, rest = field.partition(".")
    else:
        head = next(name for name, inside in items if first_tensor(inside) is not None)
        rest = ""
    rebuilt = {name: with_part(inside, rest, new) if name == head else inside for name, inside in items}
    if isinstance(value, dict):
        mapping = dict(zip(value, rebuilt.values(), strict=True))
        return type(value)(mapping) if type(value) is not dict else mapping
    if isinstance(value, (tuple, list)):
        return type(value)(*rebuilt.values()) if hasattr(value, "_fields") else type(value)(rebuilt.values())
    return type(value)(**rebuilt)
