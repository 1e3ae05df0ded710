"""Attention heads: what each of them does, and which are alike."""

import math
from collections import Counter
from dataclasses import asdict
from typing import Annotated, Any, Literal

import torch
from annotated_types import Ge
from torch import Tensor

from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking, Pass
from pellucid.inputs.inputs import Inputs
from pellucid.methods.attention._queries import counted, sample, separators
from pellucid.methods.attention._tokens import ATTENTION, chosen
from pellucid.ops.heads import Habits, divergences, habits, plane
from pellucid.registry import method
from pellucid.results import Points, Table
from pellucid.results.array import as_array

MOSTLY, EVEN = 0.5, 0.9
_COLUMNS = {
    "head": Text("layer.head", "层.头"),
    "pattern": Text("pattern", "模式"),
    "entropy": Text("entropy, nats", "熵（nat）"),
    "spread": Text("entropy, share of the largest", "熵占最大值的比例"),
    "distance": Text("mean distance, tokens", "平均距离（词元）"),
    "own": Text("to itself", "看自身"),
    "before": Text("to the previous token", "看前一词元"),
    "after": Text("to the next token", "看后一词元"),
    "first": Text("to the first token", "看首词元"),
    "marked": Text("to separators", "看分隔符"),
}
_SCALED = (
    Text("first scaled axis, √nat", "第一缩放轴（√nat）"),
    Text("second scaled axis, √nat", "第二缩放轴（√nat）"),
)
_SIZES = Text(
    "The attentions differ in size, so heads cannot be compared query by query: they stand by their habits.",
    "各处注意力大小不同，无法逐个查询比较各头：改按习惯放置。",
    aside=True,
)
_EVENLY, _CONTENT = Text("even", "均匀"), Text("by content", "依内容而定")
_KINDS = ("own", "before", "after", "first", "marked")


@method(
    title=Text("Attention heads", "注意力分布"),
    question=Text("What do the heads of attention do, and which are alike?", "各注意力头在做什么？哪些头相似？"),
    shows=Text(
        "Each point is a head; near points attend alike. Its pattern has a name where more than half of its attention goes to one kind of token.",
        "每个点是一个头，相近的点关注方式相似。当一个头超过一半的注意力落在同一类词元上时，以该模式命名。",
    ),
    cannot=Text(
        "What a head is for: attention to a token whose values are small changes nothing, and other inputs may show other habits.",
        "一个头的作用：若被关注词元的值向量很小，注意力再大也不改变什么；换一个输入，习惯也可能不同。",
    ),
    check=Text(
        "attention_gradient says which heads the answer depends on; with ablate= it takes them out and measures.",
        "attention_gradient 说明答案依赖哪些头；设置 ablate= 则去掉它们并实测影响。",
    ),
    needs=ATTENTION,
    formula="JS(p, q) = H((p + q)/2) − (H(p) + H(q))/2, mean over queries; classical scaling into the plane",
    paper="Clark et al. 2019, arXiv:1906.04341; Kovaleva et al. 2019, arXiv:1908.08593",
    steps=Text(
        "1. Take the attention of every head. 2. Measure its entropy, its distance and its share on special places. 3. Name what takes more than half. 4. Compare the heads query by query (Jensen–Shannon). 5. Place them in the plane so that distances are kept as well as two numbers can.",
        "1. 取得各头的注意力。2. 计算熵、距离以及落在特殊位置上的比例。3. 若某类位置占一半以上则以其命名。4. 逐个查询比较各头（JS 散度）。5. 将各头放入平面，尽可能保持彼此的距离。",
    ),
    quick={"queries": 4},
)
def attention_heads(
    x: Inputs,
    layer: Layer = "every attention",
    place: Literal["divergence", "habits"] = "divergence",
    queries: Annotated[int, Ge(1)] = 64,
) -> Looking[tuple[Points, Table]]:
    """Describe and compare heads; numbers are means over the examples and over the queries that are no padding.

    Args:
        layer: which attentions, as in `attention_weights`.
        place: "divergence": by how differently heads attend; "habits": mean distance against entropy, which also
            compares attentions of different size.
        queries: at most how many of them, evenly spread, are compared for the divergence.
    Returns:  Points `(head, 2)`, and a Table with a row per head.
    Raises:   NotApplicable if there is no attention between tokens.
    Source:   Clark et al. 2019, arXiv:1906.04341.
    """
    seen = yield from Pass(x, attention=(layer,))
    found, notes = chosen(seen, layer, "all", None)
    rows, labels, sampled = list[dict[str, Any]](), list[str](), list[Tensor]()
    for i, one in enumerate(found):
        weights, counts = one.attention.weights, counted(x, one.attention)
        numbers = habits(weights, counts, separators(x, one.attention), aligned=one.attention.kind == "self")
        names = [f"{one.layer or i}.{head}" for head in range(weights.shape[1])]
        labels += names
        rows += [_row(name, numbers, head) for head, name in enumerate(names)]
        sampled.append(sample(weights, counts, queries))
    one_size = len({tuple(one.shape[1:]) for one in sampled}) == 1
    if place == "divergence" and one_size:
        values, shown = plane(divergences(torch.cat(sampled)))
        axes = _SCALED
        facts = {"shown": shown}
        notes = (*notes, _kept(shown))
    else:
        values = torch.tensor([[row["distance"] or 0.0, row["spread"]] for row in rows], dtype=torch.float64)
        axes, facts = (_COLUMNS["distance"], _COLUMNS["spread"]), {}
        notes = (*notes, *((_SIZES,) if place == "divergence" else ()))
    patterns = tuple(row["pattern"] for row in rows)
    told = {**facts, **dict(sorted(Counter(map(str, patterns)).items()))}
    points = Points(
        values=as_array(values),
        axes=("head", "coordinate"),
        labels=tuple(labels),
        groups=patterns,
        axis_names=axes,
        notes=(*notes, *seen.notes),
        facts=told,
    )
    return points, Table(rows=tuple(rows), columns=_COLUMNS, notes=(*notes, *seen.notes))


def _kept(shown: float) -> Text:
    return Text(
        f"The plane shows {shown:.0%} of the differences between the heads.",
        f"平面展示了各头之间差异的 {shown:.0%}。",
        aside=True,
    )


def _row(name: str, numbers: Habits, head: int) -> dict[str, Any]:
    one = {key: value[head].item() for key, value in asdict(numbers).items()}
    one = {key: None if math.isnan(value) else value for key, value in one.items()}
    return {"head": name, "pattern": _pattern(one), **one}


def _pattern(one: dict[str, float | None]) -> Text:
    """What takes more than half of the attention; else whether it is spread evenly."""
    largest = max(_KINDS, key=lambda key: one[key] or 0.0)
    if (one[largest] or 0.0) > MOSTLY:
        return _COLUMNS[largest]
    return _EVENLY if (one["spread"] or 0.0) > EVEN else _CONTENT
