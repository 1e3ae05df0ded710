"""Attention weights: where every head of every layer looks."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pellucid.core.text import Text, say
from pellucid.engine.passes import Layer, Looking, Pass
from pellucid.inputs.inputs import Inputs
from pellucid.methods.attention._arranged import Part, Way, arranged
from pellucid.methods.attention._said import attended, largest
from pellucid.methods.attention._tokens import ATTENTION, Chosen, Heads, Query, chosen, names_of
from pellucid.registry import method
from pellucid.results import Attribution, Gallery, Matrix, spell

_SHOWN, _STANDS_OUT, _SINK = 3, 1.5, 0.5


@method(
    title=Text("Attention weights", "注意力权重"),
    question=Text("Where does each head look?", "每个注意力头在看哪里？"),
    shows=Text(
        "A row is a token that looks, a column a token that is looked at; each row sums to 1. Bright: most of the row goes there.",
        "行是发出注意力的词元，列是被关注的词元；每行之和为 1。越亮，该行的注意力越集中于此。",
    ),
    cannot=Text(
        "Why the model answers so: attention is not an explanation. A head may look at a token and take nothing from it.",
        "模型为何如此回答：注意力不是解释。一个头可以看着某个词元，却什么也不从中取用。",
    ),
    check=Text(
        "attention_gradient tells which of these weights the answer depends on; its ablate= really switches heads off.",
        "attention_gradient 显示答案依赖其中哪些权重；其 ablate= 会真正关闭注意力头。",
    ),
    needs=ATTENTION,
    formula="A = softmax(q·kᵀ / √d + mask)",
    paper="Vaswani et al. 2017, arXiv:1706.03762; Bahdanau et al. 2015, arXiv:1409.0473; Jain & Wallace 2019, arXiv:1902.10186",
    steps=Text(
        "1. Run the input forward. 2. At each attention take queries, keys and mask. 3. Compute the probabilities beside the model's own kernel. 4. Compare probabilities times values with the model's own output. 5. Draw a matrix for each head.",
        "1. 前向传播。2. 在每处注意力取查询、键与掩码。3. 在模型自身的计算之外另算概率。4. 将概率乘以值与模型自身的输出比较。5. 每个头画一个矩阵。",
    ),
    tour=70,
)
def attention_weights(
    x: Inputs, layer: Layer = "every attention", heads: Heads = "all", query: Query = None
) -> Looking[tuple[Matrix | Gallery | Attribution, ...]]:
    """The probabilities of every attention between tokens.

    Args:
        layer: which attentions: a module or a pattern means those inside it, `"PATH/attention.N"` one.
        heads: all, their mean, or numbers. Where all heads of all layers would be more than sixteen million numbers an
            example, "all" is their mean, and a note says so.
        query: one row of every head instead of all: a position (negative from the end, padding counts), the first, as
            the class token is, or the last. It lies on what the keys are: a picture, or a text.
    Returns:  Matrix `(batch, layer, head, query, key)` for all attentions that are alike in size and tokens, or
        `(batch, head, query, key)` of one; of windows `(batch, window, head, query, key)` each. Rows and columns are
        named by tokens, or by `row,column` of a patch, from 0. With `query`, without that axis: on a picture a Gallery of
        maps, on a text a Matrix whose rows are the text, coloured; a single map is an Attribution. `facts` hold the
        largest deviation of probabilities times values from the model's own output, as a share of its largest value,
        how many sets of keys and values the heads share, and per example the key that takes most attention over all
        heads and the shown queries, with its share and what even attention would give it; `"layers"` holds these of
        each layer; `"off the grid"` per example what goes to tokens that have no place in a picture.
    Raises:   NotApplicable if there is no attention between tokens.
    Source:   Vaswani et al. 2017, arXiv:1706.03762, eq. 1.
    """
    seen = yield from Pass(x, attention=(layer,))
    found, notes = chosen(seen, layer, heads, query)
    shares: dict[str, tuple[Tensor, Tensor]] = {}

    def shown(one: Chosen) -> tuple[Part, Tensor]:
        weights = one.attention.weights
        rows = weights if one.query is None else weights[:, :, one.query : one.query + 1]
        shares[one.attention.address] = attended(rows)
        return Part(one, _most(x, one, shares[one.attention.address])), one.cut(weights)

    def said(parts: Sequence[Part]) -> tuple[tuple[Text, ...], dict[str, Any]]:
        one = parts[0].one
        every = [shares[each.one.attention.address] for each in parts]
        mean = [torch.stack(each).mean(0) for each in zip(*every, strict=True)]
        facts = _most(x, one, (mean[0], mean[1]))
        return _sink(x, one, facts, len(parts)), facts

    way = Way(Text("probability", "概率"), said, notes)
    return arranged(x, seen, found, shown, way)


def _most(x: Inputs, one: Chosen, shares: tuple[Tensor, Tensor]) -> dict[str, Any]:
    """Per example the key with the largest share of attention; of windows none."""
    most = [] if one.windows else largest(*shares)
    names = names_of(x, one.attention, "key")
    return {
        "most attended": tuple(str(names[i % len(names)][at]) for i, (at, _, _) in enumerate(most)),
        "share": tuple(share for _, share, _ in most),
        "even share": tuple(even for _, _, even in most),
    }


def _sink(x: Inputs, one: Chosen, facts: Mapping[str, Any], layers: int) -> tuple[Text, ...]:
    """Where most attention goes; a caution where that is more than half of it, in spite of other keys."""
    called, shares, evens = facts["most attended"], facts["share"], facts["even share"]
    if len(shares) > 1 and len(set(called)) == 1:
        called, shares, evens = called[:1], (sum(shares) / len(shares),), (sum(evens) / len(evens),)
    names = {str(name): name for row in names_of(x, one.attention, "key") for name in row}
    parts = [
        Text(
            f"'{name}' ({share}; evenly it would be {fair})",
            f"“{say(names[name], 'zh')}”（{share}；均匀分配时为 {fair}）",
        )
        for name, share, fair in zip(
            called[:_SHOWN], map(spell.percent, shares), map(spell.percent, evens), strict=False
        )
    ]
    if not parts or one.attention.shape[3] < 2:
        return ()
    few = (
        Text("", "")
        if len(shares) == 1
        else Text(f" in the first {len(parts)} examples", f"前 {len(parts)} 个样本中，")
    )
    over = Text("all heads of all layers", "所有层的所有头") if layers > 1 else Text("all heads", "所有头")
    en, zh = ", ".join(part.en for part in parts), "、".join(part.zh for part in parts)
    if all(share < _STANDS_OUT * even for share, even in zip(shares, evens, strict=True)):
        plain = Text(
            f"No key stands out{few.en}; most attention over {over.en} goes to {en}.",
            f"{few.say('zh')}没有特别突出的键；{over.zh}合计最受关注的是{zh}。",
            aside=True,
        )
        return (plain,)
    sinks = any(share > _SINK and even < _SINK / 2 for share, even in zip(shares, evens, strict=True))
    resting = (" Heads with nothing to look for rest there.", "没有可看之处的头往往停在那里。") if sinks else ("", "")
    return (
        Text(
            f"Most attention{few.en} over {over.en} goes to {en}.{resting[0]}",
            f"{few.say('zh')}{over.zh}的注意力最集中于{zh}。{resting[1]}",
            aside=not sinks,
        ),
    )
