"""Learning rate: steps that move the weights by a large part of their size while the loss does not fall."""

import numpy as np

from pellucid.core.text import Text
from pellucid.diagnose.check import Checking, DoesNotApply, check
from pellucid.diagnose.finding import Noticed, Severity
from pellucid.engine.monitor.history import History
from pellucid.engine.passes import Step
from pellucid.results.series import Series
from pellucid.results.spell import number

LARGE, HUGE, WORSE, FEWEST = 0.03, 0.3, 3.0, 5


@check(
    title=Text("Learning rate too high", "学习率过高"),
    why=Text(
        "Each step jumps over the valley that it should descend into: the loss swings, grows, or becomes NaN.",
        "每一步都跃过了本应下降的谷底：损失震荡、上升或变为 NaN。",
    ),
    advice=Text(
        "Divide the rate by three to ten, warm it up over the first steps, or clip the gradient.",
        "将学习率除以三到十，在最初若干步预热，或裁剪梯度。",
    ),
    rank=1,
)
def learning_rate(run: History) -> Checking:
    """Update by weight, median over layers, and the course of the loss."""
    yield from Step((0, 1))
    grid = run.grid("ratio")
    name = next((one for one in run.metrics if "loss" in one and "val" not in one), None)
    if name is None or len(run.metrics[name].values) < FEWEST or not len(grid.steps):
        raise DoesNotApply(
            Text("the run holds no loss and updates of five steps or more", "训练记录中没有五步以上的损失与更新量")
        )
    loss = run.metrics[name].values.astype(float)
    broken = not np.isfinite(loss[-max(1, len(loss) // 4) :]).all()
    end = int(run.metrics[name].steps[~np.isfinite(loss)][0]) if broken else run.last + 1  # what comes then is no cause
    before = grid.values[grid.steps < end]
    measured = [row[~np.isnan(row)] for row in before]  # an update may be infinite
    ratios = np.array([np.median(row) for row in measured if len(row)])
    known = loss[run.metrics[name].steps < end]
    finite = known[np.isfinite(known)]
    if not len(ratios) or not len(finite):
        return []
    top = float(ratios.max())
    grew = float(finite.max()) > WORSE * float(finite[0])
    stays = float(np.median(finite[-max(1, len(loss) // 4) :])) > 0.95 * float(finite[0])
    severity = _severity(top, grew or (broken and top > HUGE), stays and not broken)
    if severity is None:
        return []
    picture = Series(
        curves={"loss": loss},
        names={"loss": Text("loss", "损失")},
        positions=tuple(float(one) for one in run.metrics[name].steps),
        position_unit=Text("step", "步"),
        unit=Text("loss", "损失"),
    )
    how = (
        Text("becomes not finite", "变为非有限值")
        if broken
        else Text(f"reaches {number(float(finite.max()))}", f"曾升至 {number(float(finite.max()))}")
        if grew
        else Text("does not fall", "没有下降")
        if stays
        else Text("falls", "在下降")
    )
    said = Text(
        f"The largest step moves the weights of the median layer by {number(top)} of their size, the median step by "
        f"{number(float(np.median(ratios)))} (usual: about 0.001); the loss starts at {number(float(finite[0]))} "
        f"and {how.en}.",
        f"最大的一步使中位层的权重移动其大小的 {number(top)}，各步的中位数为 "
        f"{number(float(np.median(ratios)))}（通常约 0.001）；"
        f"损失从 {number(float(finite[0]))} 开始，{how.zh}。",
    )
    return [Noticed(severity, "run", said, picture)]


def _severity(top: float, grew: bool, stays: bool) -> Severity | None:
    """Of the largest update by weight; a loss that breaks out of calm, after small updates, has another cause."""
    if top > LARGE and (grew or stays):
        return "high"
    return "medium" if top > HUGE or (grew and top > LARGE / 3) else None
