"""Integrated gradients: the gradient, averaged along the straight way from a baseline to the input or at a layer."""

from typing import Annotated

from annotated_types import Ge, Gt
from torch import Tensor

from pellucid.core.needs import DIFFERENTIABLE
from pellucid.core.text import Text
from pellucid.engine.passes import INPUT, Layer, Looking, Pass, Seen
from pellucid.engine.targets.target import Target
from pellucid.inputs.attributed import Facts, placed
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._cut import Points, below, copies_of, cuts_of, entrance, starts_of
from pellucid.methods.decision._integral import Way, even, missed, refined, total
from pellucid.ops.precision import in_double
from pellucid.registry import method
from pellucid.results import Attribution

ROUGH = 0.05


@method(
    title=Text("Integrated gradients", "积分梯度"),
    question=Text(
        "How much does each part of the input contribute to this output, measured from a baseline?",
        "以基线为起点，输入各部分对该输出各贡献多少？",
    ),
    shows=Text(
        "Red raised the score above the baseline's, blue lowered it. All values together make up the difference.",
        "红色使得分高于基线，蓝色使其降低。所有值之和即二者之差。",
    ),
    cannot=Text(
        "What would happen with another baseline: the picture depends on what stands for nothing.",
        "换一个基线会怎样：图像取决于用什么代表“空”。",
    ),
    check=Text(
        "facts['gap'] should be small beside the difference of the scores (a note says where it is not); try baselines='blur' and see what stays.",
        "facts['gap'] 相对得分之差应当很小（否则会有提示）；试用 baselines='blur'，看哪些部分保持不变。",
    ),
    needs=DIFFERENTIABLE,
    formula="A = (x − b) ⊙ ∫₀¹ ∂f_t(b + α (x − b)) / ∂x dα",
    paper="Sundararajan et al. 2017, arXiv:1703.01365",
    steps=Text(
        "1. Choose a baseline. 2. Take the gradient at Gauss-Legendre points on the way from it to the input (with a tolerance: at more of them where the score is missed). 3. Average with their weights. 4. Multiply by the way. 5. Compare the sum with the difference of the scores.",
        "1. 选择基线。2. 在从基线到输入的路径上，于高斯-勒让德节点处求梯度（给定容差时，在得分偏差大的路段加密节点）。3. 按权重平均。4. 乘以路径。5. 将总和与得分之差比较。",
    ),
    quick={"n_steps": 4},
    tour=30,
)
def integrated_gradients(
    x: Inputs,
    target: Target,
    baselines: float | str | Tensor | tuple[float | str | Tensor, ...] = 0.0,
    n_steps: Annotated[int, Ge(1)] = 32,
    tolerance: Annotated[float, Gt(0)] | None = None,
    layer: Layer = "input",
    batch_size: Annotated[int, Ge(1)] | None = None,
) -> Looking[tuple[Attribution, ...]]:
    """Gradients along the path, by Gauss-Legendre quadrature.

    Args:
        baselines: a number, a tensor like the input, `"mean"` or `"blur"`; for integer inputs it is an embedding; a
            tuple of these, one per explained input.
        n_steps: points on the path.
        tolerance: begin with `n_steps` points, dense near the baseline, and halve the parts of the way that miss their
            scores most, until the gap of every example is at most this share of the difference, or 1,024 points are used.
        layer: where the way is laid: in the space of a layer, from its value at the baseline to that at the input; all
            that passes it by stays as it is at the input. Every place that it denotes makes one result.
        batch_size: most rows in one pass; points of the path share a pass if several batches fit. None: up to 16 rows.
    Returns:  Attribution of the input's (or layer's) shape in units of the target, summing to f(x) − f(baseline);
        `facts` hold the gap, both scores and the number of points, per example.
    Raises:   NotApplicable if no gradient reaches the place.
    Source:   Sundararajan et al. 2017, arXiv:1703.01365, eq. 1; Gauss-Legendre as usual.
    """
    where = entrance(layer)
    seen = yield from Pass(x, keep=[INPUT, where], target=target)
    points = starts_of({spot.input: spot.value for spot in seen.at(INPUT)}, baselines, tokens=x.is_discrete)
    cuts = cuts_of(x, seen.at(where))
    starts = yield from below(cuts, where, x.replaced(points), points)
    found: tuple[Attribution, ...] = ()
    for cut, start in zip(cuts, starts, strict=True):
        way = Way(cut, start, target, copies_of(x, batch_size))
        values, facts, notes = yield from _along(way, seen, n_steps, tolerance)
        found += placed(
            x,
            cut.spots,
            [values[spot.input] for spot in cut.spots],
            complete=True,
            facts=lambda _, facts=facts: facts,
            signed=True,
            targets=seen.targets,
            notes=seen.notes + notes,
            unit=seen.targets[0].unit,
        )
    return found


def _along(
    way: Way, seen: Seen, n_steps: int, tolerance: float | None
) -> Looking[tuple[Points, Facts, tuple[Text, ...]]]:
    """The integral on one way, with as many points as the tolerance wants, and what is to be said of it."""
    (first,) = yield from way.scores([0.0])
    last = in_double(seen.scores).cpu()
    if tolerance is None:
        values = yield from even(way, n_steps)
    else:
        values, n_steps = yield from refined(way, (first, last), n_steps, tolerance)
    gap = total(values) - (last - first)
    facts = {
        "gap": tuple(gap.tolist()),
        "score": tuple(last.tolist()),
        "baseline score": tuple(first.tolist()),
        "points": n_steps,
    }
    rough = missed(gap, first, last)
    return values, facts, (_rough(rough, n_steps),) if rough > (tolerance or ROUGH) else ()


def _rough(share: float, points: int) -> Text:
    return Text(
        f"With {points} points the values miss the difference of the scores by up to {share:.1%}: take more (n_steps=, or tolerance=0.01).",
        f"用 {points} 个节点时，各值之和与得分之差最多相差 {share:.1%}：请增加节点（n_steps=，或 tolerance=0.01）。",
    )
