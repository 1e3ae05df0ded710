"""Train and evaluation: answers that depend on which of both the network is in."""

from collections.abc import Callable

import torch
from torch import Tensor

from pellucid.core.text import Text
from pellucid.diagnose.check import Checking, DoesNotApply, check
from pellucid.diagnose.classes import classes
from pellucid.diagnose.finding import Noticed
from pellucid.diagnose.normalizing import Norm, norms
from pellucid.engine.edits import Edit
from pellucid.engine.looker import Looker
from pellucid.engine.passes import OUTPUT, Pass
from pellucid.inputs.inputs import Inputs
from pellucid.results.spell import percent
from pellucid.results.table import Table

LOW, EXAMPLES = 0.5, 16  # of examples that are alike, few statistics can be trusted


@check(
    title=Text("Answers differ between train and evaluation mode", "训练模式与评估模式的答案不同"),
    why=Text(
        "What training measured is then not what is used afterwards.",
        "训练时测得的表现与之后实际使用的表现因此不一致。",
    ),
    advice=Text(
        "Look at the batch-norm statistics: a longer average, larger batches, or the data that they were made of.",
        "检查批归一化统计量：延长滑动平均、增大批次，或核对其来源数据。",
    ),
    rank=65,
)
def train_eval(x: Inputs, lens: Looker) -> Checking:
    """The share of examples with another prediction once every batch norm takes its statistics from this batch."""
    seen = yield from Pass(x, keep=[OUTPUT])
    every = norms(lens, seen)
    scores = classes(seen)
    if x.size < EXAMPLES:
        raise DoesNotApply(
            Text(f"statistics of a batch need at least {EXAMPLES} examples", f"批统计至少需要 {EXAMPLES} 个样本")
        )
    if all(not one.trained for one in every):
        raise DoesNotApply(Text("the batch normalisations never saw data", "批归一化层从未见过数据"))
    edits = tuple(Edit(one.site, _as_in_training(one), "as in training", one.site.path) for one in every)
    again = yield from Pass(x, keep=[OUTPUT], edits=edits)
    before, after = scores.argmax(1), classes(again).argmax(1)
    share = float((before != after).double().mean())
    if share < LOW:
        return []
    rows = tuple(
        {"example": str(i), "evaluation": str(int(one)), "training": str(int(two))}
        for i, (one, two) in enumerate(zip(before, after, strict=True))
        if one != two
    )
    columns = {
        "example": Text("example", "样本"),
        "evaluation": Text("class in evaluation", "评估模式的类别"),
        "training": Text("class with statistics of this batch", "使用本批统计量的类别"),
    }
    said = Text(
        f"{percent(share)} of {x.size} predictions change with batch norm as in training (dropout left out).",
        f"批归一化按训练方式工作时，{x.size} 个预测中有 {percent(share)} 改变（不含 dropout）。",
    )
    return [Noticed("low", every[0].site.path, said, Table(rows=rows, columns=columns))]


def _as_in_training(one: Norm) -> Callable[[Tensor], Tensor]:
    """What the layer gives in train mode, out of what it gave in evaluation: both are affine in what went in."""
    scale, shift = one.affine()
    floor = one.module.eps * scale.square() / (one.module.running_var + one.module.eps)  # type: ignore[operator]

    def change(out: Tensor) -> Tensor:
        axes = [i for i in range(out.ndim) if i != 1]
        wide = [1, -1, *[1] * (out.ndim - 2)]
        variance, mean = torch.var_mean(out, axes, correction=0, keepdim=True)
        size = (variance + floor.view(wide)).sqrt().clamp(min=1e-30)
        return (out - mean) / size * scale.abs().view(wide) + shift.view(wide)

    return change
