"""Attributions to the inputs, one result for each explained input."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from pellucid.core.errors import quoted
from pellucid.core.text import Text
from pellucid.inputs.inputs import Inputs
from pellucid.results.array import as_array
from pellucid.results.attribution import Attribution, Reduction

_AXES = {
    "image": ("batch", "channel", "height", "width"),
    "series": ("batch", "channel", "time"),
    "tokens": ("batch", "token", "feature"),
    "volume": ("batch", "channel", "depth", "height", "width"),
    "features": ("batch", "feature"),
}


def attributed(x: Inputs, values: Mapping[str, Tensor], *, complete: bool, **fields: Any) -> tuple[Attribution, ...]:
    """One attribution per explained input.

    Args:
        x: the input.
        values: by input name, of the input's shape (of its embedding's for integer inputs).
        complete: whether the values are shares of the target; then channels are summed, otherwise the largest absolute
            value is taken (the l2 norm over the features of a token).
        fields: further fields of every result.
    """
    rest = [name for name in x.tensors if name not in values]
    if rest:
        fields = {**fields, "notes": (*fields.get("notes", ()), _only(list(values), rest))}
    return tuple(_one(x, name, value, complete, fields) for name, value in values.items())


def _only(explained: list[str], rest: list[str]) -> Text:
    return Text(
        f"Explained: {quoted(explained)}. Held as given: {quoted(rest)}.",
        f"所解释的输入：{quoted(explained)}；保持原样的输入：{quoted(rest)}。",
    )


def _one(x: Inputs, name: str, value: Tensor, complete: bool, fields: dict[str, Any]) -> Attribution:
    base = x.base.get(name)
    kind = base.kind if base is not None else "array"
    axes = _AXES.get(kind, ())
    if len(axes) != value.ndim:
        axes = ("batch", *(f"axis {i}" for i in range(1, value.ndim)))
    reduction: Reduction = "none"
    if kind in ("image", "series", "volume", "tokens") and value.ndim > 2:
        reduction = "sum" if complete else ("l2" if kind == "tokens" else "max_abs")
    return Attribution(values=as_array(value), axes=axes, base=base, reduction=reduction, input=name, **fields)
