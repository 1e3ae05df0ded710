"""Attention rollout: attention followed through all layers down to the input."""

from collections.abc import Iterator
from typing import Annotated

import torch
from annotated_types import Ge, Lt
from torch import Tensor

from pellucid.core.text import Text
from pellucid.engine.passes import Looking, Pass, Seen
from pellucid.inputs.inputs import Inputs
from pellucid.methods.attention._stack import EVERY, SHARE, STACKED, Query, Stack, laid, mixed, rows_of, stack_of
from pellucid.methods.attention._tokens import common, names_of
from pellucid.ops.rollout import Heads, rolled
from pellucid.registry import method
from pellucid.results import Attribution, Matrix
from pellucid.results.array import as_array


@method(
    title=Text("Attention rollout", "注意力展开（rollout）"),
    question=Text(
        "From which input tokens does each token gather, through all layers?",
        "经过所有层之后，每个词元从哪些输入词元汇集信息？",
    ),
    shows=Text(
        "A row is a token after the last layer, a column a token of the input; each row sums to 1. Bright: attention leads there through the layers.",
        "行是最后一层之后的词元，列是输入词元；每行之和为 1。越亮，经各层的注意力越多地通向该词元。",
    ),
    cannot=Text(
        "What the tokens contribute to an answer: values, MLPs and the target play no part, and half of each layer is taken to be the token itself, which is a choice.",
        "各词元对答案的贡献：值、MLP 与目标都未参与；并且假定每层有一半是词元自身，这只是一种约定。",
    ),
    check=Text(
        "attention_relevance weighs the same paths by the gradient of a target. Try heads='min', and discard=.",
        "attention_relevance 按目标的梯度为同样的路径加权。也可试 heads='min' 与 discard=。",
    ),
    needs=STACKED,
    formula="R = Ã_L · … · Ã_1,  Ã = rows of (mean_h A + I), each divided by its sum",
    paper="Abnar & Zuidema 2020, arXiv:2005.00928",
    steps=Text(
        "1. Run the input forward, and take the probabilities of every attention. 2. Average the heads. 3. Add the token itself, for the residual connection. 4. Bring each row to sum 1. 5. Multiply the layers, the last one first.",
        "1. 前向传播，取每处注意力的概率。2. 对各头取平均。3. 加上词元自身，代表残差连接。4. 使每行之和为 1。5. 从最后一层起逐层相乘。",
    ),
    tour=72,
)
def attention_rollout(
    x: Inputs, query: Query = None, heads: Heads = "mean", discard: Annotated[float, Ge(0), Lt(1)] = 0.0
) -> Looking[tuple[Matrix | Attribution, ...]]:
    """Attention multiplied through the layers, with the residual connection as half of each.

    Args:
        query: None: every token. One token, by its position, or "first" (a class token), "last" (that is no padding) or
            "mean" (over all that are no padding): what it gathers from, laid on the input.
        heads: how the heads of a layer are made one.
        discard: share of the keys, the weakest of every row, that counts as 0; a class token is always kept.
    Returns:  Matrix `(batch, query, key)`; with `query` an Attribution on the patches or words. `facts["own"]`: how much
        each example's tokens keep of themselves, on average (with `query`: that token).
    Raises:   NotApplicable if an attention is no self-attention over the same tokens as the others.
    Source:   Abnar & Zuidema 2020, arXiv:2005.00928, section 4; discarding: Gildenblat 2020, vit-explain.
    """
    seen = yield from Pass(x, attention=(EVERY,))
    stack = stack_of(seen, x)
    layers = mixed(stack, heads, discard)
    return (_whole(x, seen, stack, layers),) if query is None else (_row(seen, stack, layers, query),)


def _whole(x: Inputs, seen: Seen, stack: Stack, layers: Iterator[Tensor]) -> Matrix:
    like = stack.attentions[-1].weights
    start = torch.eye(stack.size, dtype=like.dtype, device=like.device).expand(x.size, -1, -1)
    rows = rolled(start, layers)
    names = common(names_of(x, stack.attentions[-1], "key"))
    return Matrix(
        values=as_array(rows),
        axes=("batch", "query", "key"),
        rows=names,
        columns=names,
        panels=tuple(Text(f"example {i + 1}", f"样本 {i + 1}") for i in range(x.size)) if x.size > 1 else (),
        unit=SHARE,
        notes=seen.notes,
        facts={"layers": len(stack.attentions), "own": tuple(rows.diagonal(0, 1, 2).mean(1).tolist())},
    )


def _row(seen: Seen, stack: Stack, layers: Iterator[Tensor], query: Query) -> Attribution:
    read = rows_of(stack, query, seen)
    row = rolled(read.weights, layers)[:, 0]
    own = row.gather(1, torch.tensor(read.tokens, device=row.device)[:, None])[:, 0].tolist() if read.tokens else ()
    facts = {"layers": len(stack.attentions), "own": tuple(own), **read.facts}
    return laid(stack, row, unit=SHARE, notes=(read.note, *seen.notes), facts=facts)
