"""What stands after `-m`: `grad_cam:layer=layer4,relu=false` as a view, read by the settings' annotations."""

import inspect
from collections.abc import Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pellucid.core.errors import BadRequest, BadSetting
from pellucid.core.text import Text
from pellucid.engine.passes import Layer
from pellucid.registry import MethodSpec, View, factory, find

_TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
_OPENING, _CLOSING = "([", ")]"


def view_of(words: str, layers: tuple[str, ...] = ()) -> View:
    """The view that `METHOD[:NAME=VALUE,…]` asks for.

    Args:
        words: as typed.
        layers: for methods that take a layer and were given none here.
    Raises:
        UnknownMethod: no such method.
        BadSetting: no such setting, or not a value that it takes.
    """
    name, _, rest = words.partition(":")
    spec = find(name.strip())
    settings: dict[str, Any] = {}
    for part in split(rest):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not key:
            known = ", ".join(f"{one}=..." for one in spec.settings) or "it has none"
            raise BadSetting(
                Text(
                    f"'{part}' is not a setting: they are written NAME=VALUE", f"'{part}' 不是设置：设置写作 NAME=VALUE"
                ),
                asked_by=f"-m {words}",
                nearest=known,
            )
        parameter = spec.settings.get(key)
        settings[key] = value if parameter is None else value_of(value, parameter.annotation)
    try:
        return spec(**with_layers(spec, settings, layers))
    except BadSetting as error:
        error.asked_by = error.asked_by or f"-m {words}"
        raise


def with_layers(spec: MethodSpec, settings: dict[str, Any], layers: tuple[str, ...]) -> dict[str, Any]:
    """The settings, and `layers` for the first setting that names layers if it was not given and is not the input."""
    names = [name for name, usual in factory(spec.name)().layers if usual != "input"]
    if not layers or not names or names[0] in settings:
        return settings
    return {**settings, names[0]: layers[0] if len(layers) == 1 else layers}


def exist(layers: Sequence[str], model: Any) -> None:
    """Refuse names of `-l` that the model does not have, whether or not a method looks there.

    Raises:
        LayerNotFound: with the name.
    """
    if not layers:
        return
    from pellucid.engine.looker import Looker

    looker = Looker(model)
    for one in layers:
        try:
            looker.site(one)
        except BadRequest as error:
            error.asked_by = f"-l {one}"
            raise


def value_of(words: str, annotation: Any) -> Any:
    """The value that was typed, as the first kind that the annotation allows and the words fit; else the words."""
    if annotation in (Any, inspect.Parameter.empty):
        return words
    if len(words) > 1 and words[0] == words[-1] and words[0] in "'\"":
        return words[1:-1]
    kinds, low = list(_kinds(annotation)), words.lower()
    literals = [one for kind in kinds if get_origin(kind) is Literal for one in get_args(kind)]
    for one in literals:
        if str(one).lower() == low:
            return one
    if NoneType in kinds and low == "none":
        return None
    if bool in kinds and low in _TRUTH:
        return _TRUTH[low]
    for kind in (int, float):
        if kind in kinds and (number := _number(words, kind)) is not None:
            return number
    rows = [kind for kind in kinds if get_origin(kind) is tuple]
    if rows and words[:1] in _OPENING and words[-1:] in _CLOSING and words:
        return _row(words[1:-1], get_args(rows[0]))
    if View in kinds and ":" in words:
        return view_of(words)
    return words


def kind(annotation: Any) -> str:
    """What may be typed for a setting, in words."""
    if annotation == Layer:
        return "a layer: name, 'last spatial', or a pattern as layer*"
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        bounds = [
            f"{sign} {bound}"
            for one in parts[1:]
            for name, sign in _BOUNDS.items()
            if (bound := getattr(one, name, None)) is not None
        ]
        return " ".join([kind(parts[0]), *bounds])
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(word for part in parts if (word := kind(part))))
    if origin is Literal:
        return " | ".join(map(str, parts))
    if origin is tuple:
        each = [kind(part) if part is not ... else "..." for part in parts]
        return f"({', '.join(each)})" if all(each) else "tensors (in Python)"
    words = {
        int: "whole number",
        float: "number",
        bool: "true | false",
        str: "text",
        NoneType: "none",
        View: "a method",
    }
    return words.get(annotation, "")


def _kinds(annotation: Any) -> list[Any]:
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kinds(parts[0])
    if origin in (Union, UnionType):
        return [kind for part in parts for kind in _kinds(part)]
    return [annotation]


def _number(words: str, kind: type[int] | type[float]) -> int | float | None:
    try:
        return kind(words)
    except ValueError:
        return None


def _row(words: str, parts: tuple[Any, ...]) -> tuple[Any, ...]:
    values = split(words)
    inner = parts[:1] * len(values) if parts[1:] == (...,) else parts
    if len(inner) != len(values):
        return tuple(values)
    return tuple(value_of(value, part) for value, part in zip(values, inner, strict=True))


def split(words: str) -> list[str]:
    """The parts between commas, those inside brackets and quotes left whole."""
    parts, depth, quote = [""], 0, ""
    for one in words:
        if quote:
            quote = "" if one == quote else quote
        elif one in "'\"":
            quote = one
        depth += (one in _OPENING) - (one in _CLOSING)
        if one == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += one
    return [part.strip() for part in parts if part.strip()]
