"""Attention norms: how much a token really takes from each other one, not only how much it looks there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from pellucid.core.text import Text
from pellucid.engine.attention.attention import Attention
from pellucid.engine.attention.projecting import Projection
from pellucid.engine.passes import Layer, Looking, Pass
from pellucid.inputs.inputs import Inputs
from pellucid.methods.attention._arranged import Part, Way, arranged
from pellucid.methods.attention._contributed import Shares, compared, facts_of_keys, gap, told
from pellucid.methods.attention._tokens import ATTENTION, Chosen, Query, chosen
from pellucid.ops.contributions import lengths, products, together
from pellucid.registry import method
from pellucid.results import Attribution, Gallery, Matrix

Heads = Literal["sum", "all"] | int | tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Summed(Chosen):
    """All heads of an attention together."""

    def head(self, at: int) -> Text:  # noqa: ARG002
        return Text("sum of heads", "各头之和")


@method(
    title=Text("Attention norms", "注意力范数"),
    question=Text("What does a token take from those it looks at?", "一个词元从所关注的词元那里取走多少？"),
    shows=Text(
        "A row is a token, a column one that it looks at. Bright: what arrives from there is long. Attention to a token whose values are small stays dark.",
        "行是一个词元，列是它所关注的词元。越亮，从那里传来的向量越长。若被关注词元的值向量很小，注意力再大也是暗的。",
    ),
    cannot=Text(
        "Whether the answer uses it: long vectors may cancel each other or be overruled by the residual, which is not part of this. Nor what is added to the projection beside it (LoRA before it is merged).",
        "答案是否用到它：长向量可能彼此抵消，也可能被残差掩盖；残差不在此图之内，在投影之外另加的部分（未合并的 LoRA）也不在其中。",
    ),
    check=Text(
        "A note says how far all contributions are from what the model itself computed; attention_gradient tells what the answer depends on.",
        "备注给出全部贡献之和与模型自身结果的差距；attention_gradient 显示答案依赖什么。",
    ),
    needs=ATTENTION,
    formula="‖Σ_h α^h_ij · v^h_j W_O^h‖;  of one head ‖α_ij · v_j W_O‖",
    paper="Kobayashi et al. 2020, arXiv:2004.10102; Kobayashi et al. 2021, arXiv:2109.07152",
    steps=Text(
        "1. Run the input forward. 2. At each attention take probabilities and values. 3. Take the linear map that joins the heads behind it. 4. Send each key's values through the part of the map that belongs to the head, times the probability. 5. Add the heads and take the length.",
        "1. 前向传播。2. 在每处注意力取概率与值。3. 取其后合并各头的线性映射。4. 将每个键的值通过属于该头的那部分映射，再乘以概率。5. 各头相加，取其长度。",
    ),
)
def attention_norms(
    x: Inputs, layer: Layer = "every attention", heads: Heads = "sum", query: Query = None
) -> Looking[tuple[Matrix | Gallery | Attribution, ...]]:
    """The length of what each key adds to each query, in units of what the attention's output projection gives.

    Args:
        layer: which attentions: a module or a pattern means those inside it, `"PATH/attention.N"` one.
        heads: "sum": the vectors of all heads are added before their length is taken, so that heads can cancel; "all" or
            numbers: heads one by one. Where all would be more than sixteen million numbers, the mean of their norms.
        query: one row instead of all: a position (negative from the end), the first, or the last.
    Returns:  as `attention_weights` does; norms, not signed. Without a linear map right behind the attention W_O is the
        identity, and a note says so. `facts` hold `"gap"`, how far all contributions and the bias are from what the
        model has behind the map, as a share of its largest value (None without a map), the `"projection"`'s address,
        and per example the keys that take most attention and that contribute most, with their shares (of the norms of
        a query, mean over queries), and the `"rank correlation"` of attention and norm over the keys of a query.
    Raises:   NotApplicable if there is no attention between tokens.
    Source:   Kobayashi et al. 2020, arXiv:2004.10102, section 3.
    """
    seen = yield from Pass(x, attention=(layer,), projections=True)
    found, notes = chosen(seen, layer, "mean" if heads == "sum" else heads, query)
    shares: dict[str, tuple[Shares, Tensor]] = {}

    def shown(one: Chosen) -> tuple[Part, Tensor]:
        one = Summed(one.attention, one.layer, None, one.query) if heads == "sum" else one
        place, projection = one.attention, one.attention.projection
        weights = place.weights
        made = _norms(place, projection, one, weights)
        rows = slice(None) if one.query is None else slice(one.query, one.query + 1)
        which = slice(None) if one.heads is None else list(one.heads)
        looks = weights[:, which, rows]
        looks = looks.mean(1, keepdim=True) if heads == "sum" else looks
        shares[place.address] = compared(looks, made[:, slice(None) if heads == "sum" else which, rows])
        facts = {
            "gap": None if projection is None else gap(place, projection, weights),
            "projection": "" if projection is None else seen.trace.address(projection.place),
            **facts_of_keys(x, one, *shares[place.address]),
        }
        return Part(one, facts), one.cut(made)

    def said(parts: Sequence[Part]) -> tuple[tuple[Text, ...], dict[str, Any]]:
        every = [shares[each.one.attention.address] for each in parts]
        looked, added, even = (torch.stack([one[0][i] for one in every]).mean(0) for i in range(3))
        agreed = torch.stack([one[1] for one in every]).nanmean(0)
        facts = facts_of_keys(x, parts[0].one, (looked, added, even), agreed)
        return told(x, parts, facts), facts

    return arranged(x, seen, found, shown, Way(Text("norm", "范数"), said, notes))


def _norms(place: Attention, projection: Projection | None, one: Chosen, weights: Tensor) -> Tensor:
    """`(row, head, query, key)`; of all heads together one, of which only the row that is asked for is made."""
    values = place.values.to(weights)
    weight = None if projection is None else projection.weight.to(weights)
    if not isinstance(one, Summed):
        return weights * lengths(values, weight)[:, :, None]
    rows = weights if one.query is None else weights[:, :, one.query : one.query + 1]
    return together(rows, products(values, weight))[:, None].expand(-1, 1, weights.shape[2], -1)
