"""One look of one method at one network, remembered, with what it left behind."""

import dataclasses
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args, get_type_hints

import numpy as np
from torch import nn

import pellucid as pl
from pellucid import registry
from pellucid.core.errors import PellucidError
from pellucid.results import Result
from tests.contract import state
from tests.networks import NETWORKS

METHODS = tuple(name for name in registry.names() if not {"run", "data"} & set(registry.find(name).required))


@dataclass(frozen=True)
class Looked:
    """What came of a look.

    Args:
        results: the method's results, empty if it refused.
        refusal: the reason of a refusal.
        changed: names of what the look did not leave as it was.
    """

    results: tuple[Any, ...]
    refusal: str
    changed: tuple[str, ...]


def quick(name: str) -> Any:
    """A view of the method with its own cheap settings."""
    spec = registry.find(name)
    return spec(**spec.quick)


def kinds(name: str) -> tuple[type[Result], ...]:
    """The kinds of result that the method's own signature declares."""
    declared = get_type_hints(registry.find(name).function)["return"]
    found: list[type[Result]] = []
    open_ends: list[Any] = [declared]
    while open_ends:
        one = open_ends.pop()
        if isinstance(one, type) and issubclass(one, Result):
            found.append(one)
        open_ends += get_args(one)
    return tuple(found)


@cache
def look(method: str, network: str, examples: int = 2) -> Looked:
    """The method on the network, on a fresh model, through a lens."""
    zoo = NETWORKS[network]
    model, x = zoo.build(), zoo.x(examples)
    before = state.of_everything(model, x)
    answer = pl.Lens(model).see(x, quick(method))[0]
    changed = tuple(state.changed(before, state.of_everything(model, x)))
    if hasattr(answer, "values"):
        return Looked((answer,), "", changed)
    if isinstance(answer, tuple):
        return Looked(answer, "", changed)
    return Looked((), str(answer.reason), changed)


def at_once(method: str, model: nn.Module, x: Any) -> Looked:
    """The same in one line, without a lens."""
    try:
        answer = quick(method)(model, x)
    except PellucidError as error:
        return Looked((), str(error), ())
    return Looked(answer if isinstance(answer, tuple) else (answer,), "", ())


def content(result: Any) -> Any:
    """Everything of a result but where it comes from, comparable with `==`."""
    return {
        field.name: _plain(getattr(result, field.name))
        for field in dataclasses.fields(result)
        if field.name != "provenance"
    }


def _plain(part: Any) -> Any:
    if isinstance(part, np.ndarray):
        return str(part.dtype), part.shape, np.ascontiguousarray(part).tobytes()
    if isinstance(part, dict):
        return {key: _plain(value) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [_plain(one) for one in part]
    if isinstance(part, float) and part != part:
        return "nan"
    if dataclasses.is_dataclass(part) and not isinstance(part, type):
        return {
            field.name: _plain(getattr(part, field.name))
            for field in dataclasses.fields(part)
            if field.name != "provenance"
        }
    return part
