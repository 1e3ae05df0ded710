"""Whether inputs fit the parameters of the model's forward."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pellucid.core.errors import BadInput, nearest_names, quoted
from pellucid.core.text import Text

_ONE_DICT = Text(
    "if that is one dict, wrap the model in a module whose forward names its inputs",
    "若它是一个字典，请把模型包装成 forward 逐个列出输入的模块",
)
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
        hint = Text(f"forward takes {_listed(named)}", f"forward 接受 {_listed(named)}")
        if not taken and len(named) == 1:
            hint = Text(f"{hint}; {_ONE_DICT}", f"{hint.zh}；{_ONE_DICT.zh}")
        raise BadInput(
            Text(f"The model's forward has no parameter {quoted(left)}.", f"模型的 forward 没有参数 {quoted(left)}。"),
            nearest=quoted(nearest_names(left[0], named)),
            hint=hint,
        )
    lacking = [name for name, p in named.items() if p.default is p.empty and name not in taken]
    if lacking:
        raise BadInput(
            Text(f"The model's forward also needs {quoted(lacking)}.", f"模型的 forward 还需要 {quoted(lacking)}。"),
            hint=Text(f"forward takes {_listed(named)}", f"forward 接受 {_listed(named)}"),
        )
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
            Text(
                f"{len(args)} inputs were given; the model's forward takes {len(places)}: {_listed(places)}.",
                f"给出了 {len(args)} 个输入；模型的 forward 接受 {len(places)} 个：{_listed(places)}。",
            ),
            hint=Text(
                "a list of tensors is one argument each; torch.stack(x) makes a batch of them",
                "列表中每一项算一个参数；torch.stack(x) 可合成一批",
            ),
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
