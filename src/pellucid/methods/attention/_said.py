"""What is said of an attention beside its picture, and what its rows and columns are called."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pellucid.core.text import Text, say
from pellucid.engine.attention.attention import Attention
from pellucid.inputs.inputs import Inputs
from pellucid.methods.attention._tokens import Chosen, Names, common, names_of
from pellucid.results import spell


def sides(x: Inputs, one: Chosen) -> tuple[Names, Names]:
    """What all queries, and all keys, are called in every example."""
    return common(names_of(x, one.attention, "query")), common(names_of(x, one.attention, "key"))


def differing(x: Inputs, one: Chosen) -> tuple[Text, ...]:
    """That the examples have different words, where they do."""
    several = (names_of(x, one.attention, side) for side in ("query", "key"))
    return (_DIFFERENT,) if any(len(set(names)) > 1 for names in several) else ()


def facts_of(one: Attention) -> dict[str, Any]:
    """What is known of the attention itself."""
    return {
        "error": one.error,
        "heads": one.shape[1],
        "groups": one.groups,
        "causal": one.causal,
        "kind": one.kind,
        "windows": one.windows,
    }


def kept(one: Attention, known: Mapping[str, Any]) -> tuple[Text, ...]:
    """What holds of the attention itself, of which `facts_of` is known."""
    found = [_error(one, known["error"])]
    heads, groups = one.shape[1], known["groups"]
    if groups < heads:
        found.append(
            Text(
                f"{heads} heads share {groups} sets of keys and values, {heads // groups} neighbours each."
                if groups > 1
                else f"All {heads} heads share one set of keys and values.",
                f"{heads} 个头共用 {groups} 组键和值，每组由相邻 {heads // groups} 个头共用。",
                aside=True,
            )
        )
    if known["causal"]:
        found.append(Text("No position looks at a later one.", "任何位置都不看其后的位置。", aside=True))
    if one.kind == "windowed":
        found.append(
            Text(
                f"Each example has {one.windows} windows that do not look at each other; rows and columns are places in a window.",
                f"每个样本有 {one.windows} 个互不关注的窗口；行与列是窗口内的位置。",
                aside=True,
            )
        )
    return (*found, *_sources(one))


def _sources(one: Attention) -> tuple[Text, ...]:
    """Where queries and keys come from, unless that is the one sequence that is read."""
    queries, keys = one.learned
    if queries or keys:
        found = []
        if queries:
            en, zh = (
                f"Queries are learned parameters ('{one.query_from}').",
                f"查询是学习得到的参数（“{one.query_from}”）。",
            )
            found.append(Text(en, zh, aside=True))
        if keys:
            en, zh = f"Keys are learned parameters ('{one.key_from}').", f"键是学习得到的参数（“{one.key_from}”）。"
            found.append(Text(en, zh, aside=True))
        return tuple(found)
    if one.kind != "cross" or not one.query_from or not one.key_from or one.query_from == one.key_from:
        return ()
    return (
        Text(
            f"Queries come from '{one.query_from}', keys from '{one.key_from}'.",
            f"查询来自 '{one.query_from}'，键来自 '{one.key_from}'。",
            aside=True,
        ),
    )


def _error(one: Attention, size: float) -> Text:
    error, far = spell.number(size, 1), size > torch.finfo(one.output.dtype).eps ** 0.5
    if far:
        return Text(
            f"Probabilities times values miss what the model itself computed by {error} of its largest value: do not trust this picture.",
            f"概率乘以值与模型自身的计算结果相差其最大值的 {error}：此图不可信。",
        )
    if not size:
        return _EXACT
    return Text(
        f"Probabilities times values are the model's own output to {error} of its largest value.",
        f"概率乘以值与模型自身的输出一致，误差为其最大值的 {error}。",
        aside=True,
    )


def asked(query: Text | str) -> Text:
    """What rows are where one query is chosen."""
    return Text(
        f"Rows are heads: what '{query}' looks at.", f"每一行是一个头：“{say(query, 'zh')}”在看哪里。", aside=True
    )


_EXACT = Text(
    "Probabilities times values are exactly the model's own output.", "概率乘以值与模型自身的输出完全一致。", aside=True
)
_DIFFERENT = Text(
    "The examples have different tokens, so rows and columns are positions. One text alone is named by its words.",
    "各样本的词元不同，因此行与列以位置命名。只看一段文本时以其词语命名。",
    aside=True,
)


def attended(weights: Tensor) -> tuple[Tensor, Tensor]:
    """`(row, key)`: the share of attention that each key takes over all heads and queries, and what even attention
    would give it.

    Args:
        weights: `(row, head, query, key)`; queries that look at nothing do not count.
    """
    allowed = (weights > 0).to(weights.dtype).flatten(1, 2)
    counts = allowed.sum(-1)
    looking = (counts > 0).sum(1).clamp(min=1)[:, None]
    even = (counts.clamp(min=1).reciprocal()[:, None] @ allowed)[:, 0] / looking
    return weights.sum((1, 2)) / looking, even


def largest(shares: Tensor, even: Tensor) -> list[tuple[int, float, float]]:
    """Per example the key with the largest share: its number, its share, an even share."""
    at = shares.argmax(1, keepdim=True)
    return list(
        zip(at[:, 0].tolist(), shares.gather(1, at)[:, 0].tolist(), even.gather(1, at)[:, 0].tolist(), strict=True)
    )


def alone(made: Tensor, one: Chosen) -> int | None:
    """The one query whose row is not zero, as in the last layer of a classifier, where the picture is a thin line; None
    where there are more.
    """
    alive: list[int] = (made != 0).any(-1).flatten(0, 1).any(0).nonzero()[:, 0].tolist()
    return None if len(alive) != 1 or one.query is not None or made.shape[2] == 1 else alive[0]


def single(at: int, layer: Text) -> Text:
    """That one query alone matters.

    Args:
        at: its number.
        layer: behind the words, where it is; empty for the only one.
    """
    return Text(
        f"The target depends on one query only{layer.en}, number {at}: query={at} shows its row.",
        f"目标只依赖{layer.say('zh')}一个查询，即第 {at} 号：query={at} 显示该行。",
        aside=True,
    )
