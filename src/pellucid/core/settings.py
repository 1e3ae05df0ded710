"""Settings: whether a value fits its annotation, and how to say what would."""

from collections.abc import Callable
from types import GenericAlias, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt

from pellucid.core.text import Text, say


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


def worded(annotation: Any, lang: str = "en") -> str:
    """An annotation as people say it: "a whole number of at least 1", "a number above 0 and at most 1"."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        signs = {
            Ge: ("ge", Text("at least", "不小于")),
            Gt: ("gt", Text("above", "大于")),
            Le: ("le", Text("at most", "不大于")),
            Lt: ("lt", Text("below", "小于")),
        }
        known = [(one, *signs[type(one)]) for one in parts[1:] if type(one) in signs]
        bounds = [f"{sign.say(lang)} {getattr(one, name)}" for one, name, sign in known]
        if lang == "zh":
            return f"{'、'.join(bounds)} 的{worded(parts[0], lang)}"
        words = " and ".join(bounds)
        return f"{worded(parts[0])} {'of ' if words.startswith('at ') else ''}{words}"
    if origin in (Union, UnionType):
        return Text(" or ", "，或").say(lang).join(worded(part, lang) for part in parts)
    if origin is Literal:
        each = [repr(part) for part in parts]
        return Text(f"one of {', '.join(each)}", f"{'、'.join(each)} 之一").say(lang)
    if origin is tuple:
        each = [worded(part, lang) for part in parts if part is not ...]
        if parts[-1] is ...:
            return Text(f"several in brackets, each {each[0]}", f"括号中的若干个，每个为{each[0]}").say(lang)
        return Text(f"a tuple of {', '.join(each)}", f"由{'、'.join(each)}组成的元组").say(lang)
    if origin is Callable or annotation is Callable:
        return Text("a function", "函数").say(lang)
    return say(_KINDS.get(annotation, getattr(annotation, "__name__", str(annotation))), lang)


_KINDS: dict[Any, Text] = {
    int: Text("a whole number", "整数"),
    float: Text("a number", "数"),
    bool: Text("True or False", "True 或 False"),
    str: Text("a text", "文本"),
    type(None): Text("None"),
}
