"""What a call was given beside tensors, by name: axis, kernel size, stride, probability, index."""

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

LONGEST = 8
_INTEGERS = "List[int]"
_LEFT_OUT = frozenset(
    {"training", "inplace", "generator", "out", "layout", "device", "pin_memory", "requires_grad", "_stacklevel"}
)
_NAMES: dict[Any, tuple[tuple[str, str], ...]] = {}
Names = tuple[tuple[str, str], ...]


def attributes(func: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments that are no tensors, by the name that the function gives them.

    What is None or False is left out, as is what says where a tensor lies. Numbers given one by one for a list, as in
    `x.permute(0, 2, 1)`, are one tuple.
    """
    if name in ("getitem", "setitem"):
        return {"index": _index(args[1])} if len(args) > 1 else {}
    if name == "einsum" and args and isinstance(args[0], str):
        return {"equation": args[0]}
    found = _by_position(func, name, args) if any(not isinstance(one, Tensor) for one in args) else {}
    found.update(dtype=next((_plain(one) for one in args if isinstance(one, torch.dtype)), None))
    found.update({key: _plain(value) for key, value in kwargs.items()})
    if name.startswith("conv"):
        weight = args[1] if len(args) > 1 else kwargs.get("weight")
        if isinstance(weight, Tensor):
            found["kernel_size"] = tuple(weight.shape[2:])
    return {key: one for key, one in found.items() if one is not None and one is not False and key not in _LEFT_OUT}


def _by_position(func: Callable[..., Any], name: str, args: tuple[Any, ...]) -> dict[str, Any]:
    names = _named(func, name, args)
    if not names:
        return {}
    if len(args) > len(names) or (_INTEGERS in names[-1][1] and len(args) == len(names)):
        listed = args[len(names) - 1 :]
        args = (*args[: len(names) - 1], listed[0] if len(listed) == 1 and isinstance(listed[0], tuple) else listed)
    return {key: _plain(one) for one, (key, _) in zip(args, names, strict=False)}


def _plain(value: Any) -> Any:
    """The value where it can stand in a record; None where it cannot."""
    if isinstance(value, (int, float, str)):
        return value
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.")
    if isinstance(value, (tuple, list)) and 0 < len(value) <= LONGEST:
        parts = tuple(map(_plain, value))
        return None if None in parts else parts
    return None


def _index(value: Any) -> str:
    """`x[:, 0, ...]` as it is written."""
    parts = value if isinstance(value, tuple) else (value,)
    return ", ".join(map(_index_part, parts))


def _index_part(one: Any) -> str:
    if isinstance(one, slice):
        ends = ["" if end is None else _index_part(end) for end in (one.start, one.stop)]
        return ":".join(ends) + ("" if one.step is None else f":{_index_part(one.step)}")
    if isinstance(one, Tensor):
        return "mask" if one.dtype == torch.bool else "indices"
    if one is Ellipsis:
        return "..."
    return str(one) if one is None or isinstance(one, (int, str)) else type(one).__name__


def _named(func: Callable[..., Any], name: str, args: tuple[Any, ...]) -> Names:
    """Name and type of each positional parameter, as far as they are known."""
    key = (func, name, tuple(map(type, args)))
    if key not in _NAMES:
        _NAMES[key] = _found(func, name, args)
    return _NAMES[key]


def _found(func: Callable[..., Any], name: str, args: tuple[Any, ...]) -> Names:
    if isinstance(func, torch._ops.OpOverload):
        return _of_schema(func._schema)
    if isinstance(func, FunctionType):
        try:
            parameters = list(inspect.signature(func).parameters.values())
        except ValueError:
            parameters = []
        if parameters and not any(one.kind is one.VAR_POSITIONAL for one in parameters):
            return tuple((one.name, "") for one in parameters)
    for each in dict.fromkeys((getattr(func, "__name__", name).strip("_"), name)):
        known = [_of_schema(one) for one in _schemas(each)]
        for strict in (True, False):
            for names in known:
                if _fits(names, args, strict=strict):
                    return names
    return ()


def _schemas(name: str) -> list[Any]:
    try:
        return torch._C._jit_get_schemas_for_operator(f"aten::{name}")
    except RuntimeError:
        return []


def _of_schema(schema: Any) -> Names:
    return tuple((one.name, str(one.type)) for one in schema.arguments if not one.kwarg_only)


def _fits(names: Names, args: tuple[Any, ...], *, strict: bool) -> bool:
    """Whether every argument may stand where it stands; integers in a row may stand for a list at the end.

    Where this is not `strict`, a number may stand for a tensor.
    """
    if len(args) > len(names):
        spread = names and _INTEGERS in names[-1][1] and all(isinstance(one, int) for one in args[len(names) - 1 :])
        return bool(spread) and _fits(names, args[: len(names)], strict=strict)
    return all(_takes(kind, one, strict=strict) for (_, kind), one in zip(names, args, strict=False))


def _takes(kind: str, one: Any, *, strict: bool) -> bool:
    listed, tensor = "List" in kind, "Tensor" in kind
    if one is None:
        return True
    if isinstance(one, Tensor):
        return tensor and not listed
    if isinstance(one, str):
        return "str" in kind
    if isinstance(one, (tuple, list)):
        return listed and tensor == any(isinstance(each, Tensor) for each in one)
    if "str" in kind or (tensor and (strict or listed)):
        return False
    if isinstance(one, float):
        return not listed
    return isinstance(one, bool) or "bool" not in kind
