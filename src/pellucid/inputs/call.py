"""Whether inputs fit the parameters of the model's forward."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pellucid.core.errors import BadInput, nearest_names, quoted

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def bound_names(
    values: Mapping[str, Any], accepts: Callable[..., Any] | None, *, may_drop: bool
) -> tuple[list[str], list[str]]:
    """Which names of `values` the model's forward takes, and which it does not.

    Args:
        accepts: the model's forward; None, or one without a readable signature, takes every name.
        may_drop: whether names may be left over, as those of a tokenizer may.
    Raises:
        BadInput: a name that forward does not have, or a parameter without a default that got no value.
    """
    parameters = _parameters(accepts)
    if parameters is None:
        return list(values), []
    named = {p.name: p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
    left = [] if open_ended else [name for name in values if name not in named]
    taken = [name for name in values if name not in left]
    if left and (not may_drop or not taken):
        hint = f"forward takes {_listed(named)}"
        if not taken and len(named) == 1:
            hint += "; if that is one dict, wrap the model in a module whose forward names its inputs"
        raise BadInput(
            f"The model's forward has no parameter {quoted(left)}.",
            nearest=quoted(nearest_names(left[0], named)),
            hint=hint,
        )
    lacking = [name for name, p in named.items() if p.default is p.empty and name not in taken]
    if lacking:
        raise BadInput(f"The model's forward also needs {quoted(lacking)}.", hint=f"forward takes {_listed(named)}")
    return taken, left


def check_count(args: Sequence[Any], accepts: Callable[..., Any] | None) -> None:
    """Refuse more positional inputs than forward has parameters.

    Raises:
        BadInput: there are more.
    """
    parameters = _parameters(accepts)
    if parameters is None or any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return
    places = [p.name for p in parameters if p.kind in _POSITIONAL]
    if len(args) > len(places):
        raise BadInput(
            f"{len(args)} inputs were given; the model's forward takes {len(places)}: {_listed(places)}.",
            hint="a list of tensors is one argument each; torch.stack(x) makes a batch of them",
        )


def _parameters(accepts: Callable[..., Any] | None) -> list[inspect.Parameter] | None:
    if accepts is None:
        return None
    try:
        return list(inspect.signature(accepts).parameters.values())
    except (TypeError, ValueError):
        return None


def _listed(names: Any) -> str:
    return ", ".join(names) or "nothing by name"
