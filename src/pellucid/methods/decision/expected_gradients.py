"""Expected gradients: integrated gradients, averaged over many baselines, one random point on the way from each."""

from collections.abc import Sequence
from typing import Annotated

import torch
from annotated_types import Ge
from torch import Tensor

from pellucid.core.needs import DIFFERENTIABLE
from pellucid.core.text import Text
from pellucid.engine.passes import INPUT, Layer, Looking, Pass, Seen
from pellucid.engine.targets.target import Target
from pellucid.inputs.attributed import Facts, placed
from pellucid.inputs.inputs import Inputs
from pellucid.methods.decision._cut import copies_of, cuts_of, entrance
from pellucid.methods.decision._draws import draw
from pellucid.methods.decision._sampled import Work, sample, score
from pellucid.ops.precision import in_double
from pellucid.registry import method
from pellucid.results import Attribution

ROUGH = 0.1


@method(
    title=Text("Expected gradients", "期望梯度"),
    question=Text(
        "How much does each part of the input contribute to this output, measured from typical inputs instead of one baseline?",
        "以一批典型输入而非单一基线为起点，输入各部分对该输出各贡献多少？",
    ),
    shows=Text(
        "Red raised the score above its mean over the baselines, blue lowered it. On average all values together make up the difference.",
        "红色使得分高于各基线上的平均得分，蓝色使其降低。平均而言所有值之和即二者之差。",
    ),
    cannot=Text(
        "More than its samples: the picture is an estimate. And what the baselines have in common with the input gets nothing.",
        "超出样本所能说明的内容：该图是估计值；且基线与输入相同之处得不到归因。",
    ),
    check=Text(
        "facts['gap'] should lie within two or three times facts['standard error']; if that is large beside the difference of the scores, take more samples.",
        "facts['gap'] 应在 facts['standard error'] 的两三倍以内；若后者相对得分之差较大，请增加样本。",
    ),
    needs=DIFFERENTIABLE,
    formula="A = mean over b ~ D, α ~ U(0, 1) of (x − b) ⊙ ∂f_t(b + α (x − b)) / ∂x",
    paper="Erion et al. 2021, arXiv:1906.10670; GradientSHAP: Lundberg & Lee 2017, arXiv:1705.07874",
    steps=Text(
        "1. Draw a baseline and a point on the way from it to the input, each point from a stratum of its own. 2. Take the gradient there, times the way. 3. Average over the samples. 4. Compare the sum with the difference between the score and the mean score of the baselines.",
        "1. 抽取一个基线，以及从它到输入的路径上的一个点（各点取自不同的分层）。2. 在该点求梯度并乘以路径。3. 对样本取平均。4. 将总和与得分减去基线平均得分之差比较。",
    ),
    quick={"n_samples": 4},
)
def expected_gradients(
    x: Inputs,
    target: Target,
    baselines: float | str | Tensor | tuple[float | str | Tensor, ...] = "noise",
    n_samples: Annotated[int, Ge(2)] = 50,
    layer: Layer = "input",
    seed: int = 0,
    batch_size: Annotated[int, Ge(1)] | None = None,
) -> Looking[tuple[Attribution, ...]]:
    """Gradients at random points between random baselines and the input.

    Args:
        baselines: a tensor of many, `(baseline, ...)` each like one example of the input, of which some are drawn;
            `"noise"`: a new one for each sample, normal with the mean and deviation of each channel of the example;
            `"blur"`, `"mean"` or a number: one baseline, as for `integrated_gradients`; a tuple of these, one for each
            explained input.
        n_samples: pairs of a baseline and a point.
        layer: where the ways are laid, as for `integrated_gradients`.
        seed: of the draws, which are the same for every example.
        batch_size: most rows in one pass. None: up to 16 rows while they are small.
    Returns:  Attribution of the input's (or layer's) shape in units of the target; `facts` hold per example the gap to
        f(x) − mean f(b) over the drawn baselines, its standard error (at most; the points are stratified) and scores.
    Raises:   NotApplicable if no gradient reaches the place.
    Source:   Erion et al. 2021, arXiv:1906.10670, eq. 2.
    """
    where = entrance(layer)
    seen = yield from Pass(x, keep=[INPUT, where], target=target)
    drawn = draw({spot.input: spot.value for spot in seen.at(INPUT)}, baselines, n_samples, seed, tokens=x.is_discrete)
    work = [Work(cut) for cut in cuts_of(x, seen.at(where))]
    copies = copies_of(x, batch_size)
    distinct, like = drawn.distinct()
    for start in range(0, len(distinct), copies):
        yield from score(work, where, drawn, distinct[start : start + copies], target)
    for start in range(0, n_samples, copies):
        some = range(start, min(start + copies, n_samples))
        yield from sample(work, where, drawn, some, target)
    found: tuple[Attribution, ...] = ()
    for one in work:
        facts, notes = _told(one, seen, like)
        found += placed(
            x,
            one.cut.spots,
            [one.sums[spot.input] / n_samples for spot in one.cut.spots],
            complete=True,
            facts=lambda _, facts=facts: facts,
            signed=True,
            targets=seen.targets,
            notes=seen.notes + notes,
            unit=seen.targets[0].unit,
        )
    return found


def _told(work: Work, seen: Seen, like: Sequence[int]) -> tuple[Facts, tuple[Text, ...]]:
    """How far the sum of each example is from the difference of the scores, and how far it may be by chance."""
    last, starts = in_double(seen.scores).cpu(), torch.stack([work.scores[i] for i in like])
    misses = torch.stack(work.totals) - (last - starts)
    error = misses.std(0) / len(misses) ** 0.5
    facts = {
        "gap": tuple(misses.mean(0).tolist()),
        "standard error": tuple(error.tolist()),
        "score": tuple(last.tolist()),
        "baseline score": tuple(starts.mean(0).tolist()),
        "samples": len(misses),
    }
    share = float((error / (last - starts.mean(0)).abs().clamp(min=1e-30)).max())
    return facts, (_rough(share, len(misses)),) if share > ROUGH else ()


def _rough(share: float, samples: int) -> Text:
    much = (
        Text(f"up to {share:.0%} of", f"最高为得分之差的 {share:.0%}")
        if share < 1
        else Text("more than", "超过得分之差本身")
    )
    return Text(
        f"With {samples} samples the sum of the values is uncertain by {much.en} the difference of the scores: take more (n_samples=).",
        f"用 {samples} 个样本时，各值之和的不确定度{much.zh}：请增加样本（n_samples=）。",
    )
