"""Attention gradient: which attention weights the answer depends on, and what switching a head off really does."""

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from annotated_types import Ge
from torch import Tensor

from pellucid.core.text import Text
from pellucid.engine.attention.attention import Attention
from pellucid.engine.edits import mask
from pellucid.engine.passes import Layer, Looking, Pass, Seen
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.attention._arranged import Part, Way, arranged
from pellucid.methods.attention._important import facts_of_heads, important
from pellucid.methods.attention._said import alone
from pellucid.methods.attention._tokens import ATTENTION, Chosen, Heads, Query, chosen
from pellucid.registry import method
from pellucid.results import Attribution, Gallery, Matrix

Of = Literal["product", "gradient", "projected"]
Measured = Mapping[str, Mapping[int, float]]


@method(
    title=Text("Attention gradient", "注意力梯度"),
    question=Text("Which attention does the answer depend on?", "答案依赖哪些注意力？"),
    shows=Text(
        "Red: looking there raises the score; blue: it lowers it. The sum over a head is what the score would lose without it, to first order.",
        "红色：看向那里抬高得分；蓝色：压低得分。一个头的总和是去掉它时得分的一阶损失。",
    ),
    cannot=Text(
        "What a large change does: the gradient holds for small ones. Nor what other heads would make up for.",
        "大的改变会怎样：梯度只对小改变成立。也看不到其他头会如何弥补。",
    ),
    check=Text(
        "ablate=3 switches the three most important heads off, one at a time, and says the measured change beside the predicted one.",
        "ablate=3 逐个关闭最重要的三个头，并列出得分的实测变化与预测变化。",
    ),
    needs=ATTENTION,
    formula="A ⊙ ∂f_t/∂A;  importance of a head = |Σ A ⊙ ∂f_t/∂A|",
    paper="Michel et al. 2019, arXiv:1905.10650; Chefer et al. 2021, arXiv:2103.15679",
    steps=Text(
        "1. Run the input forward and the target's gradient back. 2. At each attention take the probabilities A. 3. Their gradient G is the gradient of what the attention gives, times its values. 4. Multiply A and G. 5. If asked, run again without the most important heads.",
        "1. 前向传播，再反向传播目标的梯度。2. 在每处注意力取概率 A。3. 其梯度 G 等于注意力输出处的梯度乘以值。4. 将 A 与 G 相乘。5. 如有要求，逐一去掉最重要的头重新运行。",
    ),
    tour=71,
)
def attention_gradient(
    x: Inputs,
    target: Target,
    layer: Layer = "every attention",
    of: Of = "product",
    heads: Heads = "all",
    query: Query = None,
    ablate: Annotated[int, Ge(0)] = 0,
) -> Looking[tuple[Matrix | Gallery | Attribution, ...]]:
    """The gradient of the target with respect to attention, times attention.

    Args:
        layer: which attentions: a module or a pattern means those inside it, `"PATH/attention.N"` one.
        of: `"product"` A ⊙ G; `"gradient"` G; `"projected"` G − Σ_j A_ij G_ij, which is what remains when a row must keep
            its sum: the score rises where attention moves there from where the row has it.
        heads: all, their mean, or numbers, as in `attention_weights`; importance is always that of all.
        query: one row of every head instead of all: a position, the first or the last; laid on what the keys are.
        ablate: so many heads, those with the largest importance of all these layers, are switched off, each alone.
    Returns:  as `attention_weights` does, signed, in units of the target. `facts` hold the `"importance"` of each head,
        the mean of |Σ A ⊙ G| over the examples (eq. 2 there), and `"ablated"`: head, predicted and measured change of the
        score, means over the examples; of several layers both are in `facts["layers"]`.
    Raises:   NotApplicable if there is no attention between tokens, or no gradient reaches it.
    Source:   Michel et al. 2019, arXiv:1905.10650, section 4.1.
    """
    seen = yield from Pass(x, attention=(layer,), target=target)
    found, notes = chosen(seen, layer, heads, query)
    measured = (yield from _ablated(x, target, seen, found, ablate)) if ablate else {}
    lone: dict[str, int] = {}

    def shown(one: Chosen) -> tuple[Part, Tensor]:
        address, gradient = one.attention.address, one.attention.gradient
        facts = facts_of_heads(_sums(one.attention, gradient, x.size), measured.get(address, {}))
        made = _made(one.attention, gradient, of)
        only = alone(made, one)
        lone.update({address: only} if only is not None else {})
        return Part(one, facts), one.cut(made)

    unit = seen.targets[0].unit
    each = unit if of == "product" else Text(f"{unit} per unit of attention", f"{unit} / 单位注意力")
    way = Way(each, lambda parts: (important(parts, lone, str(unit), x.size), {}), notes, signed=True)
    return arranged(x, seen, found, shown, way)


def _sums(one: Attention, gradient: Tensor, examples: int) -> Tensor:
    """`(example, head)`: Σ A ⊙ G over queries and keys, windows included."""
    total = (one.weights * gradient).sum((2, 3)).double()
    return total.unflatten(0, (examples, -1)).sum(1) if len(total) != examples else total


def _ablated(x: Inputs, target: Target, seen: Seen, found: list[Chosen], count: int) -> Looking[Measured]:
    """The mean change of the score without each of the most important heads, by place and head."""
    sums = [_sums(one.attention, one.attention.gradient, x.size) for one in found]
    importance = [(float(one), i, head) for i, two in enumerate(sums) for head, one in enumerate(two.abs().mean(0))]
    ranked = sorted(importance, key=lambda one: (-one[0], one[1:]))[:count]
    measured: dict[str, dict[int, float]] = {}
    for step, (_, i, head) in enumerate(ranked):
        place = found[i].attention
        keep = torch.ones(place.shape[1], 1, 1)
        keep[head] = 0
        without = yield from Pass(x, target=target, edits=(mask(place.address, keep),), step=(step, len(ranked)))
        change = float((without.scores - seen.scores).double().mean())
        measured.setdefault(place.address, {})[head] = change
    return measured


def _made(one: Attention, gradient: Tensor, of: Of) -> Tensor:
    """What is drawn of all heads and queries."""
    if of == "gradient":
        return gradient
    product = one.weights * gradient
    return product if of == "product" else gradient - product.sum(-1, keepdim=True)
