"""AttnLRP: relevance through attention, gates and normalisations of a transformer, as it is loaded."""

from typing import Annotated, Literal

import torch
from annotated_types import Ge
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.needs import DIFFERENTIABLE
from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking, Pass, Seen
from pellucid.engine.targets.target import Target
from pellucid.inputs.attributed import Facts, placed
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._attention_rules import ATTENTION, AttentionRules, opaque, unruled
from pellucid.methods.decision._own_backward import own_backward
from pellucid.ops.precision import in_double
from pellucid.registry import method
from pellucid.results import Attribution, spell

FOR_IMAGES = 0.05


@method(
    title=Text("Relevance through attention (AttnLRP)", "注意力相关性传播（AttnLRP）"),
    question=Text(
        "Which tokens or patches carry this output, through attention, gates and normalisations?",
        "经过注意力、门控与归一化之后，是哪些词元或图块支撑着该输出？",
    ),
    shows=Text(
        "Red carried evidence for the target, blue against it, in units of the target.",
        "红色承载支持目标的证据，蓝色承载反对的证据，单位与目标相同。",
    ),
    cannot=Text(
        "How all of the score is made up: biases and the softmax keep or add a part, so the values need not sum to it. What would change the output: the rules are a convention. The inventors state that LRP is patented and free for personal and scientific use: check for yourself.",
        "得分的全部构成：偏置和 softmax 会吸收或增添一部分，因此各值之和未必等于得分。改变什么会改变输出：传播规则是约定。发明者声明 LRP 受专利保护，仅个人与科研可免费使用：请自行核实。",
    ),
    check=Text(
        "facts['gap'] is what did not arrive. Compare form='cp', and cover the tokens that were named.",
        "facts['gap'] 是未到达输入的部分。请与 form='cp' 对照，并遮去所指出的词元加以验证。",
    ),
    needs=DIFFERENTIABLE,
    formula="A_i = Σ_d x_id g̃_id,  g̃: φ'→φ(x)/x,  ∂σ→0,  a·b→½,½",
    paper="Achtibat et al. 2024, arXiv:2402.05602; CP-LRP: Ali et al. 2022, arXiv:2202.07304",
    steps=Text(
        "1. Run the input forward. 2. Go back from the score with the gradient, changed at three kinds of places: an activation passes on its value per input, a normalisation holds its scale fixed, a product of two values gives each factor half. 3. Multiply by the input (the embedding of a token). 4. Sum over its features.",
        "1. 输入前向传播。2. 从得分反向传播梯度，只在三处改动：激活函数按输出与输入之比传递，归一化的尺度视为常数，两个量的乘积由各因子平分。3. 与输入（词元的嵌入）相乘。4. 在各特征上求和。",
    ),
)
def attn_lrp(
    x: Inputs,
    target: Target,
    form: Literal["attn", "cp"] = "attn",
    layer: Layer = "input",
    gamma: Annotated[float, Ge(0)] | None = None,
) -> Looking[tuple[Attribution, ...]]:
    """Input times a gradient whose rules hand relevance on through attention, whoever wrote it.

    Softmax, residual sums, dense layers, convolutions and pooling pass their plain gradient. Activations and
    normalisations written out in Python are found in the recorded graph. An activation that is not zero at zero
    (sigmoid) keeps that share like a bias. Quotients of two values that are no normalisation, recurrent layers, and a
    few functions pass the plain gradient, which a note says.

    Args:
        form: `"attn"`, or `"cp"`: attention probabilities are constants, so that only values carry relevance.
        layer: `"input"` (for tokens the embedding), or layers whose relevance is wanted.
        gamma: of the rule for dense layers and convolutions: how much more contributions count that have the sign of
            the sum. None: 0.05 for images, where plain gradients are too noisy to read, otherwise 0.
    Returns:  Attribution in units of the target. `facts` hold, per example, the sum, the score, and their gap.
    Raises:   NotApplicable if attention is a single opaque kernel, if a function with a backward of its own brings several
        values together, or an operation's backward cannot be replaced.
    Source:   Achtibat et al. 2024, arXiv:2402.05602, sections 3.3 and 4; Ali et al. 2022, arXiv:2202.07304.
    """
    images = any(base.kind == "image" for base in x.base.values())
    held = (FOR_IMAGES if images else 0.0) if gamma is None else gamma
    seen = yield from Pass(x, keep=[layer], grads=[layer], target=target, rules=AttentionRules(form, held).rule)
    for one in opaque(seen.met):
        raise NotApplicable(
            Text(
                f"'{seen.trace.address(one.place)}' is attention in one opaque kernel: its parts have no rule",
                f"'{seen.trace.address(one.place)}' 是单个不透明内核中的注意力：其各部分没有规则",
            ),
            hint=Text(
                "load the model with attn_implementation='sdpa' or 'eager'",
                "请以 attn_implementation='sdpa' 或 'eager' 载入模型",
            ),
        )
    spots = seen.at(layer)
    return placed(
        x,
        spots,
        [spot.value * spot.gradient for spot in spots],
        complete=True,
        facts=lambda some: _facts(some, seen.scores),
        signed=True,
        targets=seen.targets,
        notes=seen.notes + _notes(seen, form, held),
        unit=seen.targets[0].unit,
    )


def _facts(values: list[Tensor], scores: Tensor) -> Facts:
    score = in_double(scores)
    total = torch.stack([in_double(one.flatten(1)).sum(1).to(score.device) for one in values]).sum(0)
    parts = {"sum": total, "score": score, "gap": score - total}
    return {name: tuple(part.tolist()) for name, part in parts.items()}


def _notes(seen: Seen, form: str, gamma: float) -> tuple[Text, ...]:
    more = (f", gamma {spell.number(gamma)}", f"，gamma 为 {spell.number(gamma)}") if gamma else ("", "")
    kind = ("CP-LRP: attention is constant", "CP-LRP：注意力视为常数") if form == "cp" else ("AttnLRP", "AttnLRP")
    notes = [Text(f"Rules: {kind[0]}{more[0]}.", f"规则：{kind[1]}{more[1]}。", aside=True)]
    names = ", ".join(unruled(seen.met))
    if names:
        notes.append(
            Text(
                f"No rule is used at {names}: the plain gradient passes there.",
                f"{names} 处没有规则：此处传递普通梯度。",
            )
        )
    notes += own_backward(seen.met)
    unclear = [seen.trace.address(one.place) for one in seen.met if one.unclear]
    if unclear:
        notes.append(
            Text(
                f"'{unclear[0]}' multiplies by a root of something else; it was taken as a product of two values, not as a normalisation ({len(unclear)} such places).",
                f"'{unclear[0]}' 乘以另一个量的方根；这里按两个量的乘积处理，而非归一化（共 {len(unclear)} 处）。",
            )
        )
    if not any(one.name in (ATTENTION, "softmax") for one in seen.met):
        notes.append(
            Text(
                "No attention was found on the way: only activations, normalisations and products have rules here.",
                "途中没有找到注意力：此处只有激活函数、归一化和乘积采用了规则。",
            )
        )
    return tuple(notes)
