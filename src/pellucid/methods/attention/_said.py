"""What is said of an attention beside its picture, and the picture with its rows and columns named."""

from typing import Any

import torch
from torch import Tensor

from pellucid.core.text import Text
from pellucid.engine.attention import Attention
from pellucid.engine.passes import Seen
from pellucid.inputs.inputs import Inputs
from pellucid.methods.attention._tokens import Chosen, common, names_of
from pellucid.results import Matrix, spell
from pellucid.results.array import as_array


def drawn(
    x: Inputs,
    seen: Seen,
    one: Chosen,
    made: Tensor,
    *,
    unit: Text | str,
    facts: dict[str, Any],
    notes: tuple[Text, ...],
    signed: bool = False,
) -> Matrix:
    """A matrix for each head, or one of heads by keys where a query is chosen.

    Args:
        made: `(row, head, query, key)`.
    """
    attention, values = one.attention, one.cut(made)
    several = (names_of(x, attention, "query"), names_of(x, attention, "key"))
    queries, keys = common(several[0]), common(several[1])
    differ = any(len(set(names)) > 1 for names in several)
    asked = () if one.query is None else (_asked(queries[one.query]),)
    rows = queries if one.query is None else tuple(str(one.head(i)) for i in range(values.shape[-2]))
    return Matrix(
        values=as_array(values),
        axes=one.axes,
        rows=rows,
        columns=keys,
        panels=one.panels(tuple(values.shape)),
        unit=unit,
        signed=signed,
        layer=attention.address,
        targets=seen.targets,
        notes=(*notes, *asked, *((_DIFFERENT,) if differ else ()), *_kept(attention), *seen.notes),
        facts={**_facts(attention), **facts},
    )


def _facts(one: Attention) -> dict[str, Any]:
    return {
        "error": one.error,
        "heads": one.shape[1],
        "groups": one.groups,
        "causal": one.causal,
        "kind": one.kind,
        "windows": one.windows,
    }


def _kept(one: Attention) -> tuple[Text, ...]:
    """What holds of the attention itself."""
    found = [_error(one)]
    heads, groups = one.shape[1], one.groups
    if groups < heads:
        found.append(
            Text(
                f"{heads} heads share {groups} sets of keys and values, {heads // groups} neighbours each.",
                f"{heads} 个头共用 {groups} 组键和值，每组由相邻 {heads // groups} 个头共用。",
                aside=True,
            )
        )
    if one.causal:
        found.append(Text("No position looks at a later one.", "任何位置都不看其后的位置。", aside=True))
    if one.kind == "windowed":
        found.append(
            Text(
                f"Each example has {one.windows} windows that do not look at each other; rows and columns are places in a window.",
                f"每个样本有 {one.windows} 个互不关注的窗口；行与列是窗口内的位置。",
                aside=True,
            )
        )
    if one.kind == "cross" and one.query_from and one.key_from and one.query_from != one.key_from:
        found.append(
            Text(
                f"Queries come from '{one.query_from}', keys from '{one.key_from}'.",
                f"查询来自 '{one.query_from}'，键来自 '{one.key_from}'。",
                aside=True,
            )
        )
    return tuple(found)


def _error(one: Attention) -> Text:
    error, far = spell.number(one.error, 1), one.error > torch.finfo(one.output.dtype).eps ** 0.5
    if far:
        return Text(
            f"Probabilities times values miss what the model itself computed by {error} of its largest value: do not trust this picture.",
            f"概率乘以值与模型自身的计算结果相差其最大值的 {error}：此图不可信。",
        )
    if not one.error:
        return _EXACT
    return Text(
        f"Probabilities times values are the model's own output to {error} of its largest value.",
        f"概率乘以值与模型自身的输出一致，误差为其最大值的 {error}。",
        aside=True,
    )


def _asked(query: str) -> Text:
    return Text(f"Rows are heads: what '{query}' looks at.", f"每一行是一个头：“{query}”在看哪里。", aside=True)


_EXACT = Text(
    "Probabilities times values are exactly the model's own output.", "概率乘以值与模型自身的输出完全一致。", aside=True
)
_DIFFERENT = Text(
    "The examples have different tokens, so rows and columns are positions. One text alone is named by its words.",
    "各样本的词元不同，因此行与列以位置命名。只看一段文本时以其词语命名。",
    aside=True,
)


def most_attended(weights: Tensor, one: Attention) -> list[tuple[int, float, float]]:
    """Per example the key that takes most attention over all heads and queries: its number, its share, an even share.

    Args:
        weights: `(row, head, query, key)`; queries that look at nothing do not count.
    """
    allowed = weights > 0
    looking = allowed.any(-1).sum((1, 2)).clamp(min=1)[:, None]
    shares = weights.sum((1, 2)) / looking
    even = (allowed / allowed.sum(-1, keepdim=True).clamp(min=1)).sum((1, 2)) / looking
    at = shares.argmax(1, keepdim=True)
    found = zip(at[:, 0].tolist(), shares.gather(1, at)[:, 0].tolist(), even.gather(1, at)[:, 0].tolist(), strict=True)
    return [] if one.kind == "windowed" else list(found)


def single(made: Tensor, one: Chosen) -> tuple[Text, ...]:
    """That all but one query is zero, as in the last layer of a classifier, where the picture is a thin line."""
    alive = (made != 0).any(-1).flatten(0, 1).any(0).nonzero()[:, 0].tolist()
    if len(alive) != 1 or one.query is not None or made.shape[2] == 1:
        return ()
    return (
        Text(
            f"The target depends on one query only, number {alive[0]}: query={alive[0]} shows its row.",
            f"目标只依赖一个查询，即第 {alive[0]} 号：query={alive[0]} 显示该行。",
        ),
    )
