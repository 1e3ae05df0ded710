"""Layer-wise relevance propagation: the target, handed back layer by layer in proportion to what each unit contributed."""

from typing import Annotated, Literal

import torch
from annotated_types import Gt
from torch import Tensor

from pellucid.core.needs import DIFFERENTIABLE
from pellucid.core.text import Text
from pellucid.engine.passes import Layer, Looking, Pass, Seen
from pellucid.engine.targets.target import Target
from pellucid.inputs.attributed import placed
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._input_box import Limit, boxes_of
from pellucid.methods.decision._own_backward import own_backward
from pellucid.methods.decision._relevance import COMPOSITES, Relevance, is_linear, override, refuse_idle, unruled
from pellucid.ops.precision import in_double
from pellucid.ops.relevance import stand_in
from pellucid.registry import method
from pellucid.results import Attribution, spell

Name = Literal[
    "epsilon_plus", "epsilon_plus_flat", "epsilon_gamma_box", "epsilon_alpha2_beta1", "epsilon_alpha2_beta1_flat",
    "epsilon", "gamma", "z_plus",
]  # fmt: skip
LITTLE = 0.5


@method(
    title=Text("Layer-wise relevance propagation", "逐层相关性传播"),
    question=Text(
        "Which parts of the input carry this output, layer by layer down to the pixels?",
        "逐层追溯到像素，输入的哪些部分支撑着该输出？",
    ),
    shows=Text(
        "Red carried evidence for the target, blue against it. Layers only hand on what they received, apart from what biases keep.",
        "红色承载支持目标的证据，蓝色承载反对的证据。除偏置吸收的部分外，各层只传递所收到的量。",
    ),
    cannot=Text(
        "What would change the output: the rules are a convention (another composite gives another picture), and the positive rules hide evidence against. The inventors state that LRP is patented and free for personal and scientific use: check for yourself.",
        "改变什么会改变输出：传播规则是约定（换一种组合，图就不同），只取正贡献的规则会隐去反对的证据。发明者声明 LRP 受专利保护，仅个人与科研可免费使用：请自行核实。",
    ),
    check=Text(
        "facts['gap'] is the score that biases and operations without a rule kept or added; look at another class and at composite='epsilon' as well.",
        "facts['gap'] 是偏置及没有规则的运算所吸收或增添的得分；另请查看其他类别和 composite='epsilon'。",
    ),
    needs=DIFFERENTIABLE,
    formula="R_j = Σ_k x_j ρ(w_jk) / (Σ_i x_i ρ(w_ik) + ρ(b_k)) · R_k",
    paper="Bach et al. 2015, doi:10.1371/journal.pone.0130140",
    steps=Text(
        "1. Run the input forward. 2. Begin with the score. 3. At every convolution and dense layer (batch normalisation folded in) share out what arrives by the rule of that layer; activations, pooling and sums pass it on. 4. Draw what arrives at the input.",
        "1. 输入前向传播。2. 从得分出发。3. 在每个卷积层与全连接层（并入批归一化），按该层的规则分配到达的相关性；激活、池化与求和照原样传递。4. 画出到达输入的部分。",
    ),
    quick={"composite": "epsilon_gamma_box"},
)
def lrp(
    x: Inputs,
    target: Target,
    composite: Name = "epsilon_plus",
    layer: Layer = "input",
    epsilon: Annotated[float, Gt(0)] = 1e-6,
    gamma: Annotated[float, Gt(0)] = 0.25,
    low: Limit = None,
    high: Limit = None,
    rules: tuple[str, ...] = (),
) -> Looking[tuple[Attribution, ...]]:
    """Relevance of the input, or of inner layers, by rules that depend on the kind of layer.

    Batch normalisation is folded into the layer that it alone reads; products of two values, attention and layer
    normalisation have no rule and pass the plain gradient on, which a note says. The inventors of LRP state that it is
    patented and free for personal and scientific use; users check for themselves.

    Args:
        composite: the rule of dense layers, then that of convolutions, then that of the layer at the input
            (`"epsilon_gamma_box"`); `"epsilon"`, `"gamma"` and `"z_plus"` take one rule for all.
        layer: `"input"`, or layers whose relevance (activation times what arrives there) is wanted.
        epsilon: added to the sums of the epsilon rule, in units of the layer.
        gamma: how much more contributions count that have the sign of the sum.
        low, high: the box of the rule z^B in units of the network: a number, one per channel, or a tensor. None: black
            and white where the preprocessing is known, else the extremes of each example.
        rules: overrides, `"features.0=flat"`: a layer (or a pattern of layers) and one of epsilon, gamma, z_plus,
            alpha2_beta1, z_box, flat, w_square (the last three only where the input is read).
    Returns:  Attribution in units of the target. `facts` hold, per example, the sum, the gap to the score, and the
        largest value as a multiple of the score ("amplification").
    Raises:   NotApplicable if the backward of an operation or function cannot be replaced; BadSetting; LayerNotFound.
    Source:   Bach et al. 2015; composites of Montavon et al. 2019 and Kohlbrenner et al. 2020, arXiv:1910.09840.
    """
    overrides = tuple(map(override, rules))
    boxed = "z_box" in (COMPOSITES[composite].first, *(name for _, name in overrides))
    boxes, said = boxes_of(x, low, high) if boxed else ((), ())
    how = Relevance(composite, epsilon, gamma, overrides, boxes)
    seen = yield from Pass(x, keep=[layer], grads=[layer], target=target, rules=how.rule)
    refuse_idle(seen, how.overrides)
    values = [(stand_in(one.value) if one.input else one.value) * one.gradient for one in seen.at(layer)]
    return placed(
        x,
        seen.at(layer),
        values,
        complete=True,
        facts=lambda some: _facts(some, seen.scores),
        signed=True,
        targets=seen.targets,
        notes=seen.notes + said + _notes(seen, how) + own_backward(seen.met) + _kept(values, seen.scores),
        unit=seen.targets[0].unit,
    )


def _facts(values: list[Tensor], scores: Tensor) -> dict[str, tuple[float, ...]]:
    flat = torch.cat([in_double(one.flatten(1)) for one in values], 1)
    score = in_double(scores).to(flat.device)
    largest = flat.abs().amax(1) / score.abs().clamp(min=1e-30)
    parts = {"sum": flat.sum(1), "score": score, "gap": score - flat.sum(1), "amplification": largest}
    return {name: tuple(part.tolist()) for name, part in parts.items()}


def _kept(values: list[Tensor], scores: Tensor) -> tuple[Text, ...]:
    """Where little of the score arrives, the reader must know that the colours are shares of that little."""
    score = in_double(scores).abs().clamp(min=1e-30)
    arrived = min(float((in_double(one.flatten(1)).sum(1).abs().to(score.device) / score).min()) for one in values)
    if not arrived <= LITTLE:
        return ()
    en = f"Only {spell.percent(arrived)} of the score arrives here; biases, and operations without a rule, keep the rest."
    return (Text(en, f"到达此处的只有得分的 {spell.percent(arrived)}；其余被途中的偏置以及没有规则的运算吸收。"),)


def _notes(seen: Seen, how: Relevance) -> tuple[Text, ...]:
    first, convolution, dense = COMPOSITES[how.composite]
    en, zh = (
        f"Rules: {dense} for dense layers, {convolution} for convolutions",
        f"规则：全连接层 {dense}，卷积层 {convolution}",
    )
    more_en, more_zh = (f", {first} at the input", f"，输入处 {first}") if first else ("", "")
    notes = [Text(f"{en}{more_en}.", f"{zh}{more_zh}。", aside=True)]
    names = ", ".join(unruled(seen.met))
    if names:
        notes.append(
            Text(
                f"No rule of LRP is used at {names}: the plain gradient passes there, and the sum may differ from the score.",
                f"{names} 处没有采用 LRP 规则：此处传递普通梯度，总和可能与得分不同。",
            )
        )
    if first and not any(one.first and is_linear(one) for one in seen.met):
        notes.append(
            Text(
                f"No convolution or dense layer reads the input itself, so the rule {first} is used nowhere.",
                f"没有卷积层或全连接层直接读取输入，因此 {first} 规则未被使用。",
            )
        )
    return tuple(notes)
