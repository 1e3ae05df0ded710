"""Attention weights: where every head of every layer looks."""

from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking, Pass, Seen
from pellucid.inputs.inputs import Inputs
from pellucid.methods.attention._said import drawn, most_attended
from pellucid.methods.attention._tokens import ATTENTION, Chosen, Heads, Query, chosen, names_of
from pellucid.registry import method
from pellucid.results import Matrix, spell

_SHOWN, _STANDS_OUT = 3, 1.5


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
) -> Looking[tuple[Matrix, ...]]:
    """The probabilities of every attention between tokens.

    Args:
        layer: which attentions, `"PATH/attention.N"`.
        heads: all, their mean, or numbers. Where all heads of all layers would be more than four million numbers an
            example, "all" is their mean, and a note says so.
        query: one row of every head instead of all: a position (negative from the end, padding counts), the first, as
            the class token is, or the last. Then a matrix has a row for each head.
    Returns:  Matrix `(batch, head, query, key)` for each attention; of windows `(batch, window, head, query, key)`; with
        `query` without that axis. Rows and columns are named by tokens, or by `row,column` of a patch, from 0. `facts`
        hold the largest deviation of probabilities times values from the model's own output, as a share of its largest
        value, how many sets of keys and values the heads share, and per example the key that takes most attention over
        all heads and queries, with its share and what even attention would give it.
    Raises:   NotApplicable if there is no attention between tokens.
    Source:   Vaswani et al. 2017, arXiv:1706.03762, eq. 1.
    """
    seen = yield from Pass(x, attention=(layer,))
    found, notes = chosen(seen, layer, heads, query)
    return tuple(_matrix(x, seen, one, notes) for one in found)


def _matrix(x: Inputs, seen: Seen, one: Chosen, notes: tuple[Text, ...]) -> Matrix:
    weights = one.attention.weights
    most = most_attended(weights, one.attention)
    names = names_of(x, one.attention, "key")
    called = [names[i % len(names)][at] for i, (at, _, _) in enumerate(most)]
    facts = {
        "most attended": tuple(called),
        "share": tuple(share for _, share, _ in most),
        "even share": tuple(even for _, _, even in most),
    }
    said = _sink(called, most)
    return drawn(x, seen, one, weights, unit=Text("probability", "概率"), facts=facts, notes=(*said, *notes))


def _sink(called: list[str], most: list[tuple[int, float, float]]) -> tuple[Text, ...]:
    parts: list[Text] = []
    for name, (_, share, even) in list(zip(called, most, strict=True))[:_SHOWN]:
        taken, fair = spell.percent(share), spell.percent(even)
        parts.append(
            Text(f"'{name}' ({taken}; evenly it would be {fair})", f"“{name}”（{taken}；均匀分配时为 {fair}）")
        )
    if not parts:
        return ()
    where = (
        Text("", "") if len(most) == 1 else Text(f" in the first {len(parts)} examples", f"前 {len(parts)} 个样本中")
    )
    if all(share < _STANDS_OUT * even for _, share, even in most):
        return (
            Text(
                f"No key stands out{where.en}; most attention over all heads goes to {', '.join(part.en for part in parts)}.",
                f"{where.say('zh')}没有特别突出的键；所有头合计最受关注的是{'、'.join(part.zh for part in parts)}。",
                aside=True,
            ),
        )
    return (
        Text(
            f"Most attention{where.en} over all heads goes to {', '.join(part.en for part in parts)}.",
            f"{where.say('zh')}所有头的注意力最集中于{'、'.join(part.zh for part in parts)}。",
        ),
    )
