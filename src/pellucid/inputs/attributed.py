"""Attributions to the inputs and to inner layers, one result for each explained input or place."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from pellucid.core.errors import NotApplicable, quoted
from pellucid.core.text import Text
from pellucid.inputs.inputs import Inputs
from pellucid.ops.precision import in_double
from pellucid.ops.spatial import channels_first
from pellucid.results.array import as_array
from pellucid.results.attribution import Attribution, Reduction
from pellucid.results.base import Base

_AXES = {
    "image": ("batch", "channel", "height", "width"),
    "series": ("batch", "channel", "time"),
    "tokens": ("batch", "token", "feature"),
    "volume": ("batch", "channel", "depth", "height", "width"),
    "features": ("batch", "feature"),
}
_GRID = {1: ("time",), 2: ("height", "width"), 3: ("depth", "height", "width")}
Facts = dict[str, Any]


_PUNCTUATION = ("attention_mask", "token_type_ids", "decoder_attention_mask")  # where texts end, nothing of their words


def attributed(x: Inputs, values: Mapping[str, Tensor], *, complete: bool, **fields: Any) -> tuple[Attribution, ...]:
    """One attribution per explained input.

    Args:
        x: the input.
        values: by input name, of the input's shape (of its embedding's for integer inputs).
        complete: whether the values are shares of the target; then channels are summed, otherwise the largest absolute
            value is taken (the l2 norm over the features of a token).
        fields: further fields of every result.
    """
    rest = [name for name in x.tensors if name not in values and name not in _PUNCTUATION]
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


def layered(x: Inputs, spot: Any, value: Tensor, *, complete: bool, **fields: Any) -> Attribution:
    """An attribution to an inner layer, drawn on what the model was shown if it lies on its grid.

    On the grid it is `(batch, channel, *grid)`; tokens before the first one of the grid (a class token) have no place
    in the picture: `facts["off the grid"]` holds what they sum to. Elsewhere it has the shape of the layer.

    Args:
        x: the input.
        spot: the place as it was seen.
        value: the attribution, of the shape that the layer has.
        complete: as for `attributed`.
        fields: further fields of the result.
    Raises:
        NotApplicable: the first axis of the layer does not count the examples.
    """
    if value.ndim < 2 or value.shape[0] != x.size:
        raise NotApplicable(
            Text(
                f"'{spot.address}' with shape {tuple(value.shape)} has no axis for the {x.size} examples in front",
                f"'{spot.address}' 的形状为 {tuple(value.shape)}，最前面没有对应 {x.size} 个样本的轴",
            ),
            hint=Text("name a layer whose first axis is the batch", "请指定第一个轴为批的层"),
        )
    fields = {"layer": spot.address, **fields}
    if spot.layout is not None:
        if spot.layout.kind == "tokens" and spot.layout.prefix:
            fields |= _outside(value, spot.layout.prefix, fields)
        drawn = channels_first(value, spot.layout, spot.address)
        axes, base = ("batch", "channel", *_GRID[drawn.ndim - 2]), x.canvas(drawn.ndim - 2)
        return Attribution(
            values=as_array(drawn), axes=axes, base=base, reduction="sum" if complete else "max_abs", **fields
        )
    axes, base, reduction = _beside(x, spot, value, complete)
    return Attribution(values=as_array(value), axes=axes, base=base, reduction=reduction, **fields)


def _outside(value: Tensor, prefix: int, fields: Facts) -> Facts:
    """What the tokens before the grid hold: their sum, and a note where it is much."""
    lost = in_double(value[:, :prefix].flatten(1))
    share = float((lost.abs().sum(1) / in_double(value.flatten(1)).abs().sum(1).clamp(min=1e-30)).max())
    facts = {**fields.get("facts", {}), "off the grid": tuple(lost.sum(1).tolist())}
    if share < 0.01:
        return {"facts": facts}
    note = Text(
        f"Up to {share:.0%} of the absolute attribution lies on the first {prefix} token(s) (class token, registers), "
        "which have no place in the picture.",
        f"绝对归因中最多有 {share:.0%} 落在前 {prefix} 个词元（类别词元、寄存器）上，它们在图中没有位置。",
    )
    return {"facts": facts, "notes": (*fields.get("notes", ()), note)}


def _beside(x: Inputs, spot: Any, value: Tensor, complete: bool) -> tuple[tuple[str, ...], Base | None, Reduction]:
    """Axes, base and reduction of a layer that does not lie on the grid."""
    if value.ndim == 2:
        shown = as_array(spot.value) if isinstance(spot.value, Tensor) else None
        return ("batch", "feature"), Base("features", shown), "none"
    if value.ndim == 3:
        base = x.canvas(1)
        fits = base is not None and base.kind == "tokens" and base.grid == tuple(value.shape[1:2])
        return ("batch", "token", "feature"), base if fits else None, "sum" if complete else "l2"
    return ("batch", *(f"axis {i}" for i in range(1, value.ndim))), None, "none"


def placed(
    x: Inputs,
    spots: Sequence[Any],
    values: Sequence[Tensor],
    *,
    complete: bool,
    facts: Callable[[list[Tensor]], Facts] | None = None,
    inside: Facts | None = None,
    **fields: Any,
) -> tuple[Attribution, ...]:
    """One result for each explained input and each inner place among `spots`.

    Args:
        x: the input.
        spots, values: the places as they were seen, and the attribution to each.
        complete: as for `attributed`.
        facts: of the values that belong together: all inputs, or one inner place.
        inside: fields that are others for inner places.
        fields: further fields of every result.
    """
    told = facts or (lambda _: {})
    entering = {spot.input: value for spot, value in zip(spots, values, strict=True) if spot.input}
    found: list[Attribution] = []
    for spot, value in zip(spots, values, strict=True):
        if not spot.input:
            own = {**fields, **(inside or {})}
            found.append(layered(x, spot, value, complete=complete, facts=told([value]), **own))
        elif entering:
            found += attributed(x, entering, complete=complete, facts=told(list(entering.values())), **fields)
            entering = {}
    return tuple(found)
