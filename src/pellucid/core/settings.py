"""Settings: whether a value fits its annotation, and how to say what would."""

from collections.abc import Callable
from types import GenericAlias, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt


def fits(value: Any, annotation: Any) -> bool:
    """Whether a value is what an annotation asks for; annotations that cannot be checked take anything."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return fits(value, parts[0]) and all(_holds(value, bound) for bound in parts[1:])
    if origin in (Union, UnionType):
        return any(fits(value, part) for part in parts)
    if origin is Literal:
        return value in parts and type(value) in {type(part) for part in parts}
    if origin is tuple:
        inner = parts[:1] * len(value) if isinstance(value, tuple) and parts[1:] == (...,) else parts
        return isinstance(value, tuple) and len(inner) == len(value) and all(map(fits, value, inner))
    if annotation is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if origin is not None or isinstance(annotation, GenericAlias):
        return callable(value) if origin is Callable or "Callable" in str(origin) else True
    return (
        value is None
        if annotation in (None, type(None))
        else not isinstance(annotation, type) or isinstance(value, annotation)
    )


def _holds(value: Any, bound: Any) -> bool:
    if value is None:
        return True
    checks = {
        Ge: lambda: value >= bound.ge,
        Gt: lambda: value > bound.gt,
        Le: lambda: value <= bound.le,
        Lt: lambda: value < bound.lt,
    }
    check = checks.get(type(bound))
    return check is None or check()


def worded(annotation: Any) -> str:
    """An annotation as people say it: "a whole number of at least 1", "a number above 0 and at most 1"."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        signs = {Ge: ("ge", "at least"), Gt: ("gt", "above"), Le: ("le", "at most"), Lt: ("lt", "below")}
        bounds = [
            f"{signs[type(one)][1]} {getattr(one, signs[type(one)][0])}" for one in parts[1:] if type(one) in signs
        ]
        words = " and ".join(bounds)
        return f"{worded(parts[0])} {'of ' if words.startswith('at ') else ''}{words}"
    if origin in (Union, UnionType):
        return " or ".join(worded(part) for part in parts)
    if origin is Literal:
        return "one of " + ", ".join(map(repr, parts))
    if origin is tuple:
        each = [worded(part) for part in parts if part is not ...]
        return f"several in brackets, each {each[0]}" if parts[-1] is ... else f"a tuple of {', '.join(each)}"
    if origin is Callable or annotation is Callable:
        return "a function"
    words = {int: "a whole number", float: "a number", bool: "True or False", str: "a text", type(None): "None"}
    return words.get(annotation, getattr(annotation, "__name__", str(annotation)))
