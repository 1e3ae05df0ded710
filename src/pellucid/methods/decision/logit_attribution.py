"""Logit attribution: what each attention and each MLP wrote towards the answer, in the units of the score."""

from typing import Annotated

import torch
from annotated_types import Ge

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Looking, Pass, Seen
from pellucid.engine.targets import Contrast, Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._direct import Shares, shares_of
from pellucid.methods.decision._held_norm import Readout, readout_of
from pellucid.methods.decision._lens_reading import answered, picked
from pellucid.methods.decision._residual_stream import RESIDUAL, Stream, shortened, stream_of
from pellucid.registry import method
from pellucid.results import Series


@method(
    title=Text("Logit attribution", "Logit 归因"),
    question=Text("Which attention and which MLP wrote this answer?", "是哪些注意力层和 MLP 写出了这个答案？"),
    shows=Text(
        "What the embedding and each attention and MLP added to the score directly; below zero it took away. All bars sum to the score.",
        "嵌入以及每个注意力层和 MLP 直接为得分增加了多少；低于零表示减少。所有条形之和等于得分。",
    ),
    cannot=Text(
        "What a layer did for later layers that read it: only its direct way to the score is counted, at the scale of the final norm as it was.",
        "某层通过后面各层间接起的作用：这里只计它直接通向得分的部分，且最终归一化的尺度固定为当时的值。",
    ),
    check=Text(
        "facts['gap'] is what the bars miss of the score: rounding. ablation of a layer tells its whole effect.",
        "facts['gap'] 为各条形之和与得分之差，应只是舍入误差。消融某一层可得知其全部作用。",
    ),
    needs=RESIDUAL,
    formula="f_t = Σ_w W_U[t] · γ ⊙ (w − mean w) / σ + W_U[t] · β + b_t",
    paper="Elhage et al. 2021, A mathematical framework for transformer circuits",
    steps=Text(
        "1. Find the residual stream and keep all that is written to it. 2. Hold the scale of the final norm. 3. Scale every write by it. 4. Multiply with the target's row of the classifier (for a contrast: the difference of two rows). 5. Sum per module.",
        "1. 找到残差流，保存写入其中的一切。2. 固定最终归一化的尺度。3. 用该尺度缩放每次写入。4. 与分类头中目标所在的行相乘（对比目标则为两行之差）。5. 按模块求和。",
    ),
)
def logit_attribution(
    x: Inputs, target: Target, lens: Looker, examples: Annotated[int, Ge(1)] = 1
) -> Looking[tuple[Series, ...]]:
    """The target's score as a sum over everything that was written to the residual stream.

    Args:
        examples: how many examples of the batch are drawn.
    Returns:  for each drawn example a Series of bars in units of the target: the embedding, each attention and MLP in
        execution order, the shift of the final norm, the bias of the unembedding. `facts` hold the score, the sum and
        the gap between them. Scores that are capped behind the unembedding are attributed before the cap.
    Raises:   NotApplicable if there is no residual stream, or it is not read by one norm and a linear layer.
    Source:   Elhage et al. 2021; the centring of a LayerNorm is folded into what is written.
    """
    seen = yield from Pass(x, target=target, graph=True)
    stream = stream_of(seen, x)
    drawn = range(min(examples, x.size))
    if not all(picked(target, answered(seen), example).classes for example in drawn):
        raise NotApplicable(
            "only the score of a class or token, or of a contrast of two, is a sum over what was written"
        )
    readout = readout_of(stream)
    sides = [(1.0, target)]
    if readout.cap is not None and isinstance(target.asked, Contrast):
        sides = [(1.0, Target(target.asked.a, target.labels)), (-1.0, Target(target.asked.b, target.labels))]
    total: Shares | None = None
    for sign, side in sides:
        shares = yield from shares_of(x, side, lens, stream, readout)
        signed = [sign * one for one in shares]
        total = Shares(*(signed if total is None else map(torch.add, total, signed)))
    names = _names(stream, readout)
    return tuple(_series(seen, stream, readout, names, total, example) for example in drawn) if total else ()


def _names(stream: Stream, readout: Readout) -> list[str]:
    start = "input" if stream.start < 0 else "embedding"
    shift = [f"{readout.norm}:bias"] if readout.norm else []
    return [start, *shortened([name for one in stream.writes for name in one.names]), *shift]


def _series(seen: Seen, stream: Stream, readout: Readout, names: list[str], shares: Shares, example: int) -> Series:
    bars: dict[str, float] = {}
    for name, share in zip(names, shares.each[example].tolist(), strict=True):
        bars[name] = bars.get(name, 0.0) + share
    if readout.norm and not bars[f"{readout.norm}:bias"]:
        del bars[f"{readout.norm}:bias"]
    score, bias = float(shares.score[example]), float(shares.bias[example])
    dtype = answered(seen).dtype
    if readout.shifts and abs(bias) > 4 * torch.finfo(dtype).eps * sum(map(abs, bars.values())):
        bars[f"{stream.event(readout.unembedding).path or 'classifier'}:bias"] = bias
    total = sum(bars.values())
    made = torch.tensor(list(bars.values()), dtype=torch.promote_types(dtype, torch.float32))
    return Series(
        curves={"contribution": made.numpy()},
        names={"contribution": Text("contribution", "贡献")},
        labels=tuple(bars),
        position_unit=Text("what was written, first to last", "写入的内容（由前到后）"),
        unit=seen.targets[example].unit,
        style="bar",
        targets=(seen.targets[example],),
        notes=(*_said(bars, score), *([_CAPPED] if readout.cap is not None else []), *seen.notes, *stream.notes),
        facts={"score": score, "sum": total, "gap": score - total},
    )


def _said(bars: dict[str, float], score: float) -> tuple[Text, ...]:
    first = sorted(bars, key=lambda name: -abs(bars[name]))[:3]
    return (
        Text(
            f"The bars sum to {score:.4g}; the largest: {', '.join(f'{one} {bars[one]:+.3g}' for one in first)}.",
            f"各条形之和为 {score:.4g}；最大的是：{'，'.join(f'{one} {bars[one]:+.3g}' for one in first)}。",
        ),
    )


_CAPPED = Text(
    "The scores are capped behind the classifier: what is attributed is the score before the cap.",
    "分类头之后还有一个软上限：这里归因的是加上限之前的得分。",
)
