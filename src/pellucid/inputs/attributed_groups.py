"""Attributions to groups of the input: every element shows the number of its group."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from pellucid.core.text import Text
from pellucid.inputs.groups import Groups
from pellucid.inputs.inputs import Inputs
from pellucid.results.array import as_array
from pellucid.results.attribution import Attribution, Reduction

_AXES = {1: ("time",), 2: ("height", "width"), 3: ("depth", "height", "width")}
KINDS = {
    "superpixels": Text("superpixels", "超像素"),
    "grid": Text("cells of a grid", "网格单元"),
    "segments": Text("segments", "片段"),
    "blocks": Text("blocks", "块"),
    "words": Text("words", "词"),
    "tokens": Text("tokens", "词元"),
    "columns": Text("columns", "列"),
    "channels": Text("channels", "通道"),
    "elements": Text("elements", "元素"),
    "labels": Text("groups given as labels", "由标签给出的组"),
}
STRONGEST = 3


def attributed_groups(
    x: Inputs, groups: Groups, values: Sequence[Tensor], *, facts: dict[str, Any], **fields: Any
) -> tuple[Attribution, ...]:
    """One attribution per explained input, on its grid (one number per token, column, pixel, ...).

    Args:
        x: the input.
        groups: what was covered as one.
        values: one number for each group, per example.
        facts: further facts; `"groups"` (names) and `"values"` are added, per example.
        fields: further fields of every result.
    """
    most = max(map(len, values))
    table = torch.stack([torch.cat([one, one.new_zeros(most - len(one))]) for one in values])
    facts = {
        "groups": tuple(groups.names(i) for i in range(x.size)),
        "values": tuple(tuple(one.tolist()) for one in values),
        **facts,
    }
    fields["notes"] = (*fields.get("notes", ()), _told(groups, values))
    fields["facts"] = facts
    return tuple(on_grid(x, name, groups.spread(table, name), **fields) for name in groups.by_input)


def on_grid(x: Inputs, name: str, value: Tensor, **fields: Any) -> Attribution:
    """An attribution to one input from numbers that broadcast to it.

    Args:
        x: the input.
        name: which of its tensors.
        value: `(batch, *shape)`; with one channel (one feature per token) it becomes `(batch, *grid)`, with more it is
            expanded to the shape of the input.
        fields: further fields of the result.
    """
    tensor, base = x.tensors[name], x.base.get(name)
    value = value.to(torch.float64 if tensor.dtype in (torch.float64, torch.complex128) else torch.float32)
    reduction: Reduction = "none"
    grid = _AXES.get(tensor.ndim - 2, ())
    if x.is_discrete:
        value, axes = value[..., 0], ("token",) if tensor.ndim == 2 else ()
    elif tensor.ndim < 3:
        axes = ("feature",)
    elif value.shape[1] == 1:
        value, axes = value[:, 0], grid
    else:
        value, axes = value.expand(tensor.shape), ("channel", *grid)
        reduction = "sum" if base is not None and base.kind != "array" else "none"
    if len(axes) != value.ndim - 1:
        axes = tuple(f"axis {i}" for i in range(1, value.ndim))
    return Attribution(
        values=as_array(value),
        axes=("batch", *axes),
        base=base,
        reduction=reduction,
        input=name,
        **fields,
    )


def _told(groups: Groups, values: Sequence[Tensor]) -> Text:
    """How many groups there are, and of the first example the strongest by name where names mean something."""
    kinds = [KINDS.get(kind, Text(kind)) for kind in dict.fromkeys(groups.kinds.values())]
    low, high = min(groups.count), max(groups.count)
    count = str(low) if low == high else f"{low}–{high}"
    en, zh = " + ".join(kind.en for kind in kinds), "、".join(kind.zh or kind.en for kind in kinds)
    if set(groups.kinds.values()) != {"channels"}:
        single = set(groups.kinds.values()) <= {"columns", "tokens", "elements"}
        each_en, each_zh = (
            ("", "") if single else ("; each part shows the value of its whole group", "；各处显示所在整组的值")
        )
        return Text(f"Groups: {count} ({en}){each_en}.", f"分组：{count} 个（{zh}）{each_zh}。", aside=True)
    first = values[0]
    order = torch.argsort(-first.abs(), stable=True)[:STRONGEST].tolist()
    said = ", ".join(f"{groups.names(0)[i]} {float(first[i]):+.3g}" for i in order)
    return Text(
        f"Groups: {count} ({en}); strongest: {said}.", f"分组：{count} 个（{zh}）；最强的是：{said}。", aside=True
    )
