"""Attention relevance: attention through the layers, weighed by what raises the target."""

from typing import Any

from torch import Tensor

from pellucid.core.text import Text
from pellucid.engine.passes import Looking, Pass, Seen
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.attention._stack import EVERY, Query, Rows, Stack, attentions_of, laid, rows_of, stack_of
from pellucid.methods.attention._streams import Streams, streams_of
from pellucid.ops.rollout import gathered, weighted
from pellucid.registry import method
from pellucid.results import Attribution, spell

LITTLE = 1e-12


@method(
    title=Text("Attention relevance", "注意力相关性"),
    question=Text(
        "Which patches or words does attention bring to this answer?", "注意力把哪些图块或词语带入了这个答案？"
    ),
    shows=Text(
        "Bright: attention that raises the target leads there, through one layer or several.",
        "越亮：抬高目标的注意力经一层或多层通向此处。",
    ),
    cannot=Text(
        "Evidence against the target: where more attention would lower it, the path counts as 0. Nor what MLPs and values add; the numbers are no shares of the score.",
        "反对目标的证据：若增大某处注意力会降低目标，该路径按 0 计。也看不到 MLP 与值的作用；数值不是得分的份额。",
    ),
    check=Text(
        "Cover the bright patches or words and see whether the score falls; look at the map of a rival class.",
        "遮住明亮的图块或词语，看得分是否下降；再看竞争类别的图。",
    ),
    needs=Text(
        "Layers of self-attention over one sequence, or over two that cross-attention joins: vision transformers without windows, language models, encoders with a decoder.",
        "在一个序列上，或在由交叉注意力相连的两个序列上层层叠加的自注意力：无窗口的视觉 Transformer、语言模型、编码器—解码器。",
    ),
    formula="R ← R + Ā·R from R = I,  Ā = mean_h ReLU(∂f_t/∂A ⊙ A);  across: R_sq ← R_sq + R̄_ssᵀ·Ā·R̄_qq",
    paper="Chefer et al. 2021, arXiv:2103.15679",
    steps=Text(
        "1. Choose the target. 2. Run forward, and take the gradient of the target with respect to the probabilities of every attention. 3. Multiply it by the probabilities, keep what is positive, average the heads. 4. From the first layer on, add what each layer brings to what the tokens already hold. 5. Take the row of the token that the answer is read from, without itself. Where a decoder asks an encoder, that row has two parts: what came from the encoder's tokens, and what came from the decoder's own.",
        "1. 选定目标。2. 前向传播，并求目标对每处注意力概率的梯度。3. 与概率相乘，保留正值，对各头取平均。4. 从第一层起，把每层带来的部分累加到词元已有的内容上。5. 取答案所读取的那个词元的一行，不含其自身。解码器向编码器取信息时，该行分为两部分：来自编码器词元的，与来自解码器自身词元的。",
    ),
    tour=74,
)
def attention_relevance(x: Inputs, target: Target, query: Query = None) -> Looking[tuple[Attribution, ...]]:
    """What attention brings to the token that the answer is read from, weighed by the gradient of the target.

    Args:
        query: whose row is taken. None: the token of a text whose scores the target reads, else the class token of
            pictures and the first token of texts, the last token (that is no padding) where tokens see only earlier ones, and
            the mean where there is no such token. Or a position, "first", "last", "mean".
    Returns:  Attribution on the patches or words; the token itself counts as 0, `facts["own"]` holds what it had (of a
        mean only the beginning, the identity, is taken off). Where attention joins two sequences, one for each: first
        for the one that is asked (the encoder's input), then for the one that is read (the decoder's), unless that is
        a single token that gathers the others.
    Raises:   NotApplicable if there are more than two sequences, an attention does not compose with the others, or no
        gradient reaches any.
    Source:   Chefer et al. 2021, Generic Attention-model Explainability, arXiv:2103.15679, eq. 5 to 11.
    """
    seen = yield from Pass(x, attention=(EVERY,), target=target)
    found = attentions_of(seen)
    if any(one.kind == "cross" for one in found):
        return _of_two(streams_of(found, x), seen, query)
    stack = stack_of(seen, x)
    read = rows_of(stack, query, seen)
    raising = (weighted(one.weights, one.gradient) for one in stack.from_top())
    return (_drawn(stack, gathered(read.weights, raising)[:, 0], read, seen, {"layers": len(found)}, own=True),)


def _of_two(streams: Streams, seen: Seen, query: Query) -> tuple[Attribution, ...]:
    """What comes from the sequence that is asked, and from the one that is read unless it is a single token."""
    read = rows_of(streams.stacks[0], query, seen)
    rows = tuple((read.weights @ one)[:, 0] for one in streams.brought())
    shown = [1, 0] if streams.stacks[0].size > 1 else [1]
    facts: dict[str, Any] = {"layers": len(streams.calls), "sequences": streams.names}
    return tuple(
        _drawn(streams.stacks[i], rows[i], read, seen, facts, own=i == 0, name=streams.names[i]) for i in shown
    )


def _drawn(
    stack: Stack, row: Tensor, read: Rows, seen: Seen, facts: dict[str, Any], *, own: bool, name: str = "input"
) -> Attribution:
    values, kept = _without_itself(row, read) if own else (row, {})
    silent = int((values.abs().amax(1) < LITTLE).sum())
    return laid(
        stack,
        values,
        unit=Text("relevance", "相关性"),
        input=name,
        targets=seen.targets,
        notes=(*_empty(silent, len(values)), *_elsewhere(stack, values), read.note, *seen.notes),
        facts={**facts, **kept, **read.facts},
    )


def _without_itself(row: Tensor, read: Rows) -> tuple[Tensor, dict[str, Any]]:
    if not read.tokens:
        return row, {}
    at = read.weights[:, 0].argmax(1, keepdim=True)
    return row.scatter(1, at, 0.0), {"own": tuple(row.gather(1, at)[:, 0].tolist())}


def _elsewhere(stack: Stack, values: Tensor) -> tuple[Text, ...]:
    """Says so where much of the row belongs to tokens that have no place in the picture (registers)."""
    if stack.is_text or stack.layout is None or not stack.layout.prefix:
        return ()
    share = float((values[:, : stack.layout.prefix].sum(1) / values.sum(1).clamp(min=LITTLE)).max())
    if share < 0.01:
        return ()
    said = spell.percent(share)
    return (
        Text(
            f"Up to {said} of the relevance lies on tokens that have no place in the picture (class token, registers).",
            f"相关性中最多有 {said} 落在图中没有位置的词元（类别词元、寄存器）上。",
        ),
    )


def _empty(silent: int, examples: int) -> tuple[Text, ...]:
    if not silent:
        return ()
    return (
        Text(
            f"In {silent} of {examples} examples no attention towards this token raises the target: the map is empty.",
            f"{examples} 个样本中有 {silent} 个没有任何通向该词元的注意力抬高目标：图为空。",
        ),
    )
