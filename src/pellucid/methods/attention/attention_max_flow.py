"""Attention max-flow: how much attention can flow from each input token, where narrow layers are the limit."""

from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.engine.passes import Looking, Pass, Step
from pellucid.inputs.inputs import Inputs
from pellucid.methods.attention._stack import EVERY, SHARE, STACKED, Query, Stack, laid, mixed, rows_of, stack_of
from pellucid.ops.max_flow import Pipes
from pellucid.ops.rollout import Heads, rolled
from pellucid.registry import method
from pellucid.results import Attribution

FEWEST, WORK, MOST = 16, 2**22, 2**28


@method(
    title=Text("Attention flow (max-flow)", "注意力流（最大流）"),
    question=Text(
        "How much can each input token pass up through the layers at most?", "每个输入词元最多能经各层向上传递多少？"
    ),
    shows=Text(
        "Bright: much can flow from there to the token that is read, when every attention weight is the width of a pipe.",
        "越亮：把每个注意力权重看作管道的宽度时，从此处能流到所读取词元的量越大。",
    ),
    cannot=Text(
        "What the tokens contribute to an answer: values, MLPs and the target play no part. Each token has the pipes for itself, so the values do not add up to 1.",
        "各词元对答案的贡献：值、MLP 与目标都未参与。计算每个词元时管道全部归它使用，因此各值之和不为 1。",
    ),
    check=Text(
        "attention_rollout adds up the same paths instead of taking their narrowest part; where both are bright, attention leads.",
        "attention_rollout 将同样的路径累加，而不取其最窄处；两者都亮之处，注意力确实通向那里。",
    ),
    needs=STACKED,
    formula="F_j = max-flow(query, j) with capacities Ã_l = rows of (mean_h A_l + I), each divided by its sum",
    paper="Abnar & Zuidema 2020, arXiv:2005.00928",
    steps=Text(
        "1. Run the input forward, and take the probabilities of every attention. 2. Average the heads, add the token itself, bring each row to sum 1. 3. Join the tokens of neighbouring layers by pipes that wide. 4. For each input token find the maximum flow from the token that is read.",
        "1. 前向传播，取每处注意力的概率。2. 对各头取平均，加上词元自身，使每行之和为 1。3. 以此为宽度，用管道连接相邻层的词元。4. 对每个输入词元，求从所读取词元到它的最大流。",
    ),
    quick={"sources": 3},
)
def attention_max_flow(
    x: Inputs, query: Query = None, heads: Heads = "mean", sources: Annotated[int, Ge(1)] | None = None
) -> Looking[tuple[Attribution, ...]]:
    """The maximum flow from one token after the last layer to each token of the input.

    Args:
        query: the token that is read. None: the class token of pictures, the first token of texts, the last (that is no
            padding) where tokens see only earlier ones, and the mean where there is no such token, as one more layer
            that averages. Or a position, "first", "last", "mean".
        heads: how the heads of a layer are made one.
        sources: for so many tokens of each example, those with the largest rollout, the flow is found; the others count
            as 0, and a note says so. None: for all of them where that takes seconds (12 layers that see up to 590
            tokens), else for as many as take about as long.
    Returns:  Attribution on the patches or words, each value between 0 and 1, the exact maximum but for rounding (1e-6).
    Raises:   NotApplicable if an attention is no self-attention over the same tokens as the others, or the pipes of all
        layers do not fit in memory.
    Source:   Abnar & Zuidema 2020, arXiv:2005.00928, section 4.
    """
    seen = yield from Pass(x, attention=(EVERY,))
    stack = stack_of(seen, x)
    _check(stack)
    read = rows_of(stack, query, seen)
    reached = rolled(read.weights, mixed(stack, heads))[:, 0]
    followed = min(stack.size, sources or max(FEWEST, WORK // (stack.size * len(stack.attentions))))
    values = torch.zeros_like(reached)
    for i in range(x.size):
        pipes: Pipes | None = None
        for k, token in enumerate(reached[i].argsort(descending=True, stable=True)[:followed].tolist()):
            yield from Step((i * followed + k, x.size * followed))
            pipes = pipes or Pipes(_numbers(read.weights[i, 0]), (_numbers(one[i]) for one in mixed(stack, heads)))
            values[i, token] = pipes.to(token)
    left = stack.size - followed
    facts = {"layers": len(stack.attentions), "left out": left, **read.facts}
    notes = (*((_only(followed, stack.size),) if left else ()), read.note, *seen.notes)
    return (laid(stack, values, unit=SHARE, notes=notes, facts=facts),)


def _check(stack: Stack) -> None:
    pipes = len(stack.attentions) * stack.size**2
    if pipes > MOST:
        raise NotApplicable(
            Text(
                f"{len(stack.attentions)} layers over {stack.size:,} tokens are {pipes:,} pipes: more than {MOST:,}",
                f"{len(stack.attentions)} 层、{stack.size:,} 个词元共有 {pipes:,} 条管道，超过 {MOST:,} 条",
            ),
            hint=Text(
                "a shorter input; attention_rollout(query=) follows the same layers, however long the input is",
                "请缩短输入；attention_rollout(query=) 追踪同样的层，输入多长都可以",
            ),
        )


def _numbers(value: Tensor) -> np.ndarray:
    return value.detach().cpu().numpy()


def _only(found: int, size: int) -> Text:
    return Text(
        f"Only the {found} of {size} tokens with the largest rollout were followed; the others are drawn as 0. sources={size} follows all, which takes longer.",
        f"{size} 个词元中只计算了 rollout 最大的 {found} 个，其余按 0 绘制。sources={size} 计算全部，耗时更长。",
    )
