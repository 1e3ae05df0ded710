"""Hierarchy: how the answer forms from level to level, as a ledger that sums to the score at each of them."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from annotated_types import Ge
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.needs import DIFFERENTIABLE
from pellucid.core.sites import Site
from pellucid.core.text import Text
from pellucid.engine.looker import Looker
from pellucid.engine.passes import INPUT, Layer, Looking, Pass, Seen, Spot
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._ledger import ledger_of, maps_of
from pellucid.methods.decision._levels import candidates, cuts, levels, sites_of
from pellucid.methods.decision._read_off import read_off
from pellucid.registry import method
from pellucid.results import Gallery, Series

FEW, BENT = 3, 0.01
_NAMES = {
    "evidence": Text("evidence here", "该层的证据"),
    "constants": Text("constants added later", "其后加入的常数"),
    "rest": Text("rest: what bends", "余项：弯曲部分"),
}


@method(
    title=Text("Hierarchy of evidence", "逐层证据"),
    question=Text("How does the answer form from layer to layer?", "答案是怎样逐层形成的？"),
    shows=Text(
        "Per level: how much of the score its values carry (value × gradient), what biases add later, and the rest; the three sum to the score. Maps: where the evidence lies at that level; below each stands what it sums to.",
        "每一层：其数值承载了多少得分（值×梯度），其后各偏置又加入多少，以及余项；三者之和即得分。图：该层证据的位置，图下为其总和。",
    ),
    cannot=Text(
        "What a level would say by itself: its share is counted along the slope of everything above it.",
        "某一层单独会给出什么答案：其份额是沿其上所有层的斜率计算的。",
    ),
    check=Text(
        "On networks of ReLU the rest is zero but for rounding. labelled=(examples, labels) shows how early the class can be read off.",
        "在 ReLU 网络上，除舍入误差外余项为零。labelled=(样本, 标签) 可看出类别最早在哪一层就能读出。",
    ),
    needs=DIFFERENTIABLE,
    formula="f_t = Σ a_l ∂f_t/∂a_l + Σ_{constants c after l} c ∂f_t/∂c + rest_l",
    paper="Shrikumar et al. 2016, arXiv:1605.01713; Draelos & Carin 2020, arXiv:2011.08891; Alain & Bengio 2016, arXiv:1610.01644",
    steps=Text(
        "1. Run forward and back once. 2. Find the levels: places through which every path leads. 3. At each, sum values times gradients. 4. Add what constants contribute after it. 5. Draw value times gradient on the input.",
        "1. 前向、反向各一次。2. 找出所有路径都经过的各层。3. 在每层求值与梯度乘积之和。4. 加上其后各常数的贡献。5. 将值×梯度画在输入上。",
    ),
)
def hierarchy(
    x: Inputs,
    target: Target,
    lens: Looker,
    layer: Layer | None = None,
    levels_shown: Annotated[int, Ge(2)] = 12,
    labelled: tuple[Tensor, Tensor | tuple[int | str, ...]] | None = None,
    examples: Annotated[int, Ge(1)] = 1,
) -> Looking[tuple[Series | Gallery, ...]]:
    """The evidence ledger of every level, its maps, and how early the class can be read off.

    Args:
        layer: which levels; None: the places of the network through which every path leads.
        levels_shown: most levels that are chosen by themselves.
        labelled: examples as the model takes them and their classes (numbers or names): adds the share of them whose
            class is told by the nearest class mean of each level's pooled activations, leaving each out of its own
            mean, and how far the explained examples lie on the side of their target.
        examples: how many examples of the batch are drawn.
    Returns:  for each drawn example a Series with a position per level, from the input on, curves in units of the
        target; a Gallery of signed maps on the grid of the input, each summing to its level's evidence, values
        `(batch, level, *grid)`; and, with `labelled`, a Series. `facts["rest"]` is the largest rest of the example.
    Raises:   NotApplicable if no gradient reaches the input.
    Source:   the identity of Shrikumar et al. 2016 at every layer; HiResCAM, Draelos & Carin 2020, eq. 6; nearest class
        means in the place of the linear probes of Alain & Bengio 2016.
    """
    asked: Layer = candidates(lens.modules) if layer is None else layer
    none = asked == ()
    sought: list[Layer] = [INPUT] if none else [INPUT, asked]
    seen = yield from Pass(x, keep=(*sought,), grads=sought, target=target, constants=True, graph=True)
    inner = [] if none else [spot for spot in seen.at(asked) if isinstance(spot.value, Tensor) and not spot.input]
    crossed = cuts(seen.trace, x.explained)
    chosen = inner if layer is not None else levels(seen.trace, inner, crossed, levels_shown)
    if layer is None and len(chosen) < FEW and len(crossed) > len(chosen):
        chosen = (yield from _calls(x, target, sites_of(seen.trace, crossed), crossed, levels_shown)) or chosen
    ledger = ledger_of(x, seen, chosen)
    drawn = range(min(examples, x.size))
    results: list[Series | Gallery] = [_series(seen, chosen, ledger, i) for i in drawn]
    results += maps_of(x, seen, chosen, ledger, len(drawn))
    if labelled is not None:
        results.append((yield from read_off(x, target, seen, chosen, labelled)))
    return tuple(results)


def _calls(
    x: Inputs, target: Target, sites: tuple[Site, ...], crossed: Sequence[int], most: int
) -> Looking[list[Spot]]:
    """Levels of a network whose modules are few: single calls. Empty where one of them has no gradient."""
    try:
        seen = yield from Pass(x, keep=(sites,), grads=(sites,), target=target, graph=True)
    except NotApplicable:
        return []
    return levels(seen.trace, list(seen.at(sites)), crossed, most)


def _series(seen: Seen, chosen: Sequence[Spot], ledger: Tensor, example: int) -> Series:
    columns = ledger[:, :, example].T.numpy()
    score = float(seen.scores[example])
    rest = float(np.abs(columns[2]).max())
    exact = rest <= BENT * max(abs(score), 1e-12)
    curves = dict(zip(_NAMES, columns, strict=True))
    return Series(
        curves={name: curve for name, curve in curves.items() if name != "rest" or not exact},
        names=_NAMES,
        labels=("input", *(spot.address for spot in chosen)),
        position_unit=Text("level, first to last", "层级（由前到后）"),
        unit=seen.targets[example].unit,
        style="stack",
        targets=(seen.targets[example],),
        notes=(_said(score, rest, exact),),
        facts={"score": score, "rest": rest, "evidence": tuple(columns[0].tolist())},
    )


def _said(score: float, rest: float, exact: bool) -> Text:
    if exact:
        return Text(
            f"At every level evidence and constants sum to the score, {score:.4g}.",
            f"每一层的证据与常数之和都等于得分 {score:.4g}。",
        )
    return Text(
        f"The three sum to the score, {score:.4g}. The rest, up to {rest:.3g}, is what bends above a level (such as GELU, the cap of ReLU6, softmax, normalisation, gates): there a slope does not tell the whole.",
        f"三者之和等于得分 {score:.4g}。余项最大 {rest:.3g}，来自该层之上的弯曲部分（如 GELU、ReLU6 的上限、softmax、归一化、门控）：那里斜率不能说明全部。",
    )
