"""What is said of the vectors that attention adds up: where they disagree with attention, and what they sum to."""

from collections.abc import Sequence
from math import isnan
from typing import Any

import torch
from torch import Tensor

from pellucid.core.text import Text, say
from pellucid.engine.attention.attention import Attention
from pellucid.engine.attention.projecting import Projection
from pellucid.inputs.inputs import Inputs
from pellucid.methods.attention._arranged import Part
from pellucid.methods.attention._said import attended, largest
from pellucid.methods.attention._tokens import Chosen, names_of
from pellucid.ops.contributions import rank_agreement
from pellucid.results import spell

Shares = tuple[Tensor, Tensor, Tensor]
"""`(row, key)`: the shares that each key takes of attention and of norms, and of even attention; of the shown queries."""
_QUERIES, _LOW, _STANDS_OUT = 64, 0.5, 1.5


def compared(weights: Tensor, norms: Tensor) -> tuple[Shares, Tensor]:
    """What each key takes of both, and how their orders of keys agree, by row.

    Args:
        weights, norms: `(row, head, query, key)` of what is shown.
    """
    queries = weights.shape[2]
    picked = torch.linspace(0, queries - 1, min(_QUERIES, queries)).long().to(weights.device)
    shares = norms / norms.sum(-1, keepdim=True).clamp(min=torch.finfo(norms.dtype).tiny)
    agreed = rank_agreement(weights[:, :, picked], norms[:, :, picked])
    looked, even = attended(weights)
    return (looked, attended(shares)[0], even), agreed


def gap(one: Attention, projection: Projection, weights: Tensor) -> float:
    """How far the sum of all contributions, and the bias, is from what the model itself has behind its projection.

    Args:
        weights: the probabilities of `one`.
    """
    made = (weights @ one.values.to(weights)).transpose(1, 2).flatten(2) @ projection.weight.to(weights).flatten(0, 1)
    made = made if projection.bias is None else made + projection.bias
    missing = (made - projection.out) * projection.kept[..., None]
    return float(missing.abs().max() / projection.out.abs().max().clamp(min=1e-30))


def facts_of_keys(x: Inputs, one: Chosen, shares: Shares, agreed: Tensor) -> dict[str, Any]:
    """Per example the key with the largest share of attention and that with the largest share of the norms."""
    by_example = agreed.unflatten(0, (x.size, -1)).nanmean(1).tolist()
    found: dict[str, Any] = {"rank correlation": tuple(None if isnan(one) else one for one in by_example)}
    if one.windows:
        return found
    names = names_of(x, one.attention, "key")
    for name, each in zip(("attended", "contributing"), shares[:2], strict=True):
        most = largest(each, shares[2])
        found[f"most {name}"] = tuple(str(names[i % len(names)][at]) for i, (at, _, _) in enumerate(most))
        found[f"{name} share"] = tuple(share for _, share, _ in most)
        found.setdefault("even share", tuple(even for _, _, even in most))
    return found


def told(x: Inputs, parts: Sequence[Part], facts: dict[str, Any]) -> tuple[Text, ...]:
    """What is said of attentions that share a picture.

    Args:
        facts: of all of them together.
    """
    return (*_most(x, parts[0].one, facts), *_ranks(facts["rank correlation"]), *_sums(parts), *_without(parts))


def _most(x: Inputs, one: Chosen, facts: dict[str, Any]) -> tuple[Text, ...]:
    """Which key takes most attention and which contributes most; of several examples, in how many they differ."""
    rows = list(zip(*(facts.get(key, ()) for key in _KEYS), strict=True)) if one.attention.shape[3] > 1 else []
    if len(rows) != 1:
        apart = [row for row in rows if row[0] != row[2]]
        stands = any(looked >= _STANDS_OUT * even for _, looked, _, _, even in apart)
        return (_differing(len(apart), len(rows), aside=not stands),) if apart else ()
    ((seen, looked, taken, added, even),) = rows
    names = {str(name): say(name, "zh") for row in names_of(x, one.attention, "key") for name in row}
    share, other = spell.percent(looked), spell.percent(added)
    if seen == taken:
        both = Text(
            f"'{seen}' takes most attention ({share}) and contributes most ({other} of all norms).",
            f"“{names[seen]}”受到的注意力最多（{share}），贡献也最大（占范数总和的 {other}）。",
            aside=True,
        )
        return (both,)
    return (
        Text(
            f"'{seen}' takes most attention ({share}), but '{taken}' contributes most ({other} of all norms).",
            f"“{names[seen]}”受到的注意力最多（{share}），但贡献最大的是“{names[taken]}”（占范数总和的 {other}）。",
            aside=looked < _STANDS_OUT * even,
        ),
    )


def _differing(apart: int, count: int, *, aside: bool) -> Text:
    return Text(
        f"In {apart} of {count} examples seen together the key that contributes most is not the one that takes most attention.",
        f"在一起查看的 {count} 个样本中，有 {apart} 个样本贡献最大的键并非受到注意力最多的键。",
        aside=aside,
    )


def _ranks(agreed: Sequence[float | None]) -> tuple[Text, ...]:
    known = [one for one in agreed if one is not None]
    if not known:
        return ()
    mean = sum(known) / len(known)
    size = spell.number(mean, 2)
    return (
        Text(
            f"Attention and norm order the keys of a query alike to a rank correlation of {size}.",
            f"同一查询下，注意力与范数对各键的排序，其秩相关系数为 {size}。",
            aside=mean > _LOW,
        ),
    )


def _sums(parts: Sequence[Part]) -> tuple[Text, ...]:
    """That contributions and bias are what the model has, as far as that can be checked."""
    gaps = [(part.facts["gap"], part.one.attention) for part in parts if part.facts["gap"] is not None]
    if not gaps:
        return ()
    worst, one = max(gaps, key=lambda each: each[0])
    size = spell.number(worst, 1)
    if worst > torch.finfo(one.output.dtype).eps ** 0.5:
        return (
            Text(
                f"The contributions miss what the model has behind its projection by {size} of its largest value: do not trust this picture.",
                f"各项贡献之和与模型投影之后的实际值相差其最大值的 {size}：此图不可信。",
            ),
        )
    return (
        Text(
            f"All contributions and the bias sum to what the model has behind its projection, to {size} of its largest value.",
            f"全部贡献加上偏置等于模型投影之后的值，误差为其最大值的 {size}。",
            aside=True,
        ),
    )


def _without(parts: Sequence[Part]) -> tuple[Text, ...]:
    """Where no projection joins the heads."""
    bare = [part.one.attention for part in parts if part.facts["gap"] is None]
    if not bare:
        return ()
    calls = ", ".join(dict.fromkeys(one.behind for one in bare if one.behind))
    stands = Text(f" ('{calls}' comes first)", f"（其间先有 '{calls}'）") if calls else Text("", "")
    share = Text("No linear map", "")
    if len(bare) < len(parts):
        few = f"{len(parts)} 处注意力中有 {len(bare)} 处："
        share = Text(f"At {len(bare)} of {len(parts)} attentions no linear map", few)
    return (
        Text(
            f"{share.en} joins the heads right behind{stands.en}, so W_O is taken as the identity: these are norms of α·v, before what follows.",
            f"{share.say('zh')}其后没有直接合并各头的线性映射{stands.say('zh')}，因此将 W_O 视为恒等：此处是 α·v 的范数，不含其后的运算。",
        ),
    )


_KEYS = ("most attended", "attended share", "most contributing", "contributing share", "even share")
