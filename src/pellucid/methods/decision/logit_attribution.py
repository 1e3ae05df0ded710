"""Logit attribution: what each attention and each MLP wrote towards the answer, in the units of the score."""

from typing import Annotated, Literal

from annotated_types import Ge

from pellucid.core.errors import NotApplicable
from pellucid.core.text import Text
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Looking, Pass
from pellucid.engine.targets.target import Contrast, Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._direct import Shares, shares_of
from pellucid.methods.decision._direct_picture import bars, heads
from pellucid.methods.decision._held_norm import readout_of
from pellucid.methods.decision._lens_reading import answered, picked
from pellucid.methods.decision._residual_stream import RESIDUAL, stream_of
from pellucid.registry import method
from pellucid.results import Matrix, Series


@method(
    title=Text("Logit attribution", "Logit 归因"),
    question=Text("Which attention and which MLP wrote this answer?", "是哪些注意力层和 MLP 写出了这个答案？"),
    shows=Text(
        "What the embedding and each attention and MLP added to the score directly; below zero it took away. Together it is the score.",
        "嵌入以及每个注意力层和 MLP 直接为得分增加了多少；低于零表示减少。全部相加即为得分。",
    ),
    cannot=Text(
        "What a layer did for later layers that read it: only its direct way to the score is counted, at the scale of the final norm as it was.",
        "某层通过后面各层间接起的作用：这里只计它直接通向得分的部分，且最终归一化的尺度固定为当时的值。",
    ),
    check=Text(
        "facts['gap'] is what the sum misses of the score: rounding. ablation of a layer tells its whole effect.",
        "facts['gap'] 为总和与得分之差，应只是舍入误差。消融某一层可得知其全部作用。",
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
    x: Inputs,
    target: Target,
    lens: Looker,
    by: Literal["block", "head"] = "block",
    examples: Annotated[int, Ge(1)] = 1,
) -> Looking[tuple[Series | Matrix, ...]]:
    """The target's score as a sum over everything that was written to the residual stream.

    Args:
        by: "block": a bar for each attention and each MLP; "head": what each attention wrote is told by head.
        examples: how many examples of the batch are drawn.
    Returns:  for each drawn example a Series of bars in units of the target: the embedding, each attention and MLP in
        execution order, the shift of the final norm, the bias of the unembedding. By head a Matrix `(layer, head)`,
        the bias of the map that joins the heads in a last column; what it leaves out is `facts["rest"]`. `facts` hold
        the score, the sum and the gap between them. Scores that are capped behind the unembedding are attributed
        before the cap.
    Raises:   NotApplicable if there is no residual stream, or it is not read by one norm and a linear layer; by head if
        no attention writes its joined heads to it.
    Source:   Elhage et al. 2021; the centring of a LayerNorm is folded into what is written.
    """
    seen = yield from Pass(x, target=target, graph=True)
    stream = stream_of(seen, x)
    drawn = range(min(examples, x.size))
    if not all(picked(target, answered(seen), example).classes for example in drawn):
        raise NotApplicable(
            Text(
                "only the score of a class or token, or of a contrast of two, is a sum over what was written",
                "只有类别或词元的得分，或两者得分之差，才是各次写入之和",
            )
        )
    readout = readout_of(stream)
    shares: Shares | None = None
    for side in _sides(target) if readout.cap is not None else (target,):
        one = yield from shares_of(x, side, lens, stream, readout, by_head=by == "head")
        shares = one if shares is None else shares.less(one)
    if shares is None:
        return ()
    drawing = bars if by == "block" else heads
    return tuple(drawing(seen, stream, readout, shares, example) for example in drawn)


def _sides(target: Target) -> tuple[Target, ...]:
    """Both sides of a contrast, which a cap bends each for itself."""
    asked = target.asked
    if not isinstance(asked, Contrast):
        return (target,)
    return tuple(Target(one, target.labels, texts=target.texts) for one in (asked.a, asked.b))
