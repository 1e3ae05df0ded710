"""DeepLIFT: the difference from a baseline, handed down through every operation without losing any of it."""

from typing import Any

import torch
from torch import Tensor

from pellucid.core.errors import BadSetting, quoted
from pellucid.core.needs import DIFFERENTIABLE
from pellucid.core.text import Text
from pellucid.engine.passes import INPUT, Layer, Looking, Pass
from pellucid.engine.rules import Rule
from pellucid.engine.targets.target import Target
from pellucid.inputs.attributed import placed
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._multipliers import RULED, Multipliers, bends, notes_on
from pellucid.ops.baseline import baseline_like
from pellucid.ops.evidence import by_example
from pellucid.registry import method
from pellucid.results import Attribution

ROUNDING = 1e-5


@method(
    title=Text("DeepLIFT", "DeepLIFT 差值归因"),
    question=Text(
        "How much of the difference from a baseline does each part of the input account for?",
        "与基线相比的得分之差，输入各部分各占多少？",
    ),
    shows=Text(
        "Red raised the score above the baseline's, blue lowered it. All values together make up the difference.",
        "红色使得分高于基线，蓝色使其降低。所有值之和即二者之差。",
    ),
    cannot=Text(
        "How parts act together: where two effects cancel inside a unit, only what is left of them is handed down. Another baseline gives another picture.",
        "各部分如何共同作用：两种作用在同一单元内抵消时，只有余下的部分继续下传。换一个基线会得到另一幅图。",
    ),
    check=Text(
        "facts['gap'] is zero but for rounding where all operations have a rule (a note says where not); compare integrated_gradients.",
        "当所有运算都有规则时，除舍入误差外 facts['gap'] 为零（否则会有提示）；可与 integrated_gradients 对照。",
    ),
    needs=DIFFERENTIABLE,
    formula="A = m ⊙ (x − b),  m of y = φ(v) is m_y Δy / Δv",
    paper="Shrikumar et al. 2017, arXiv:1704.02685; Lundberg & Lee 2017, arXiv:1705.07874 (several baselines)",
    steps=Text(
        "1. Choose a baseline. 2. Run input and baseline forward together. 3. Go back; at every nonlinearity pass on the ratio of the differences after and before it instead of the slope. 4. Multiply by the difference of the inputs. 5. Compare the sum with the difference of the scores.",
        "1. 选择基线。2. 输入与基线一同前向传播。3. 反向传播；在每个非线性处，以其后与其前的差值之比代替斜率。4. 乘以输入之差。5. 将总和与得分之差比较。",
    ),
)
def deep_lift(
    x: Inputs,
    target: Target,
    baselines: float | str | Tensor | tuple[float | str | Tensor, ...] = 0.0,
    layer: Layer = "input",
) -> Looking[tuple[Attribution, ...]]:
    """Multipliers by the rescale rule, times the difference from the baseline.

    Element-wise functions and max-pooling follow the paper. Products of two tensors that both depend on the input share
    their difference half and half (Shapley value of two); softmax, attention and normalisations are taken apart into
    such products, sums and element-wise functions. Recurrent layers pass on their plain gradient.

    Args:
        baselines: a number, a tensor like the input, `"mean"` or `"blur"`; for integer inputs it is an embedding; a
            tuple of these, one per explained input. A tensor with one more axis in front holds several baselines, over
            which the result is averaged (DeepSHAP).
        layer: where the difference is accounted for; an inner layer has all of it only if every path leads through it.
    Returns:  Attribution of the input's (layer's) shape in units of the target, summing to f(x) − f(baseline); `facts`
        hold the gap and both scores, per example.
    Raises:   NotApplicable if no gradient reaches the place, or an operation cannot be told from its neighbours.
    Source:   Shrikumar et al. 2017, arXiv:1704.02685, section 3.5.1; Lundberg & Lee 2017, section 4.2.
    """
    where: Layer = INPUT if layer == "input" else layer
    clean = yield from Pass(x, keep=[INPUT, where], target=target)
    ends = {spot.input: spot.value for spot in clean.at(INPUT)}
    starts = _starts(ends, baselines, tokens=x.is_discrete)
    shapes = {one.place: one.shape for one in clean.trace.events}
    rule = Rule("DeepLIFT", RULED, through=Multipliers(shapes), among=bends)
    sums: list[Any] = [0.0] * len(clean.at(where))
    base, seen = torch.zeros(x.size, dtype=torch.float64), clean
    for i, start in enumerate(starts):
        both = x.repeated(2).replaced({name: torch.cat([ends[name], start[name]]) for name in ends})
        step = (i, len(starts)) if len(starts) > 1 else None
        seen = yield from Pass(both, keep=[where], grads=[where], target=target, rules=rule, step=step)
        sums = [one + _share(spot.value, spot.gradient) for one, spot in zip(sums, seen.at(where), strict=True)]
        base = base + seen.scores[x.size :].cpu().double() / len(starts)
    values = [one / len(starts) for one in sums]
    difference = clean.scores.cpu().double() - base

    def facts(some: list[Tensor]) -> dict[str, Any]:
        gap = torch.stack([by_example(one, x.size) for one in some]).sum(0) - difference
        scores = {"score": tuple(clean.scores.tolist()), "baseline score": tuple(base.tolist())}
        return {"gap": tuple(gap.tolist()), **scores, "baselines": len(starts)}

    missed = _missed(values, difference, clean.scores) if where is INPUT else 0.0
    return placed(
        x,
        clean.at(where),
        values,
        complete=True,
        facts=facts,
        signed=True,
        targets=clean.targets,
        notes=clean.notes + notes_on(seen, missed),
        unit=clean.targets[0].unit,
    )


def _starts(ends: dict[str, Tensor], baselines: Any, *, tokens: bool) -> list[dict[str, Tensor]]:
    """Every baseline, by input name."""
    each = baselines if isinstance(baselines, tuple) else (baselines,) * len(ends)
    if len(each) != len(ends):
        raise BadSetting(f"{len(each)} baselines for {len(ends)} explained inputs", nearest=quoted(ends))
    several = [
        list(one) if isinstance(one, Tensor) and one.ndim > value.ndim else [one]
        for one, value in zip(each, ends.values(), strict=True)
    ]
    count = max(map(len, several))
    if any(len(one) not in (1, count) for one in several) or not count:
        raise BadSetting(f"{', '.join(map(str, map(len, several)))} baselines for the explained inputs are not as many")
    return [
        {
            name: baseline_like(value, one[i % len(one)], tokens=tokens)
            for (name, value), one in zip(ends.items(), several, strict=True)
        }
        for i in range(count)
    ]


def _share(value: Tensor, gradient: Tensor) -> Tensor:
    """The multiplier times the difference; the halves' multipliers are equal where every operation has a rule."""
    (x, b), (one, two) = value.chunk(2), gradient.chunk(2)
    return (x - b) * ((one + two) / 2)


def _missed(values: list[Tensor], difference: Tensor, scores: Tensor) -> float:
    """The largest gap of the batch as a share of the difference, apart from rounding."""
    gap = torch.stack([by_example(one, len(difference)) for one in values]).sum(0) - difference
    rounding = ROUNDING * scores.abs().cpu().double()
    return float(((gap.abs() - rounding).clamp(min=0) / difference.abs().clamp(min=1e-30)).max())
