"""Over-confident: the network is surer than it is right."""

import numpy as np
import torch

from pellucid.core.text import Text
from pellucid.diagnose.check import Checking, DoesNotApply, check
from pellucid.diagnose.classes import chances, classes
from pellucid.diagnose.finding import Noticed
from pellucid.engine.passes import OUTPUT, Pass
from pellucid.inputs.inputs import Inputs
from pellucid.results.series import Series
from pellucid.results.spell import percent

MEDIUM, LOW, FEWEST, BINS = 0.2, 0.1, 30, 10
GUESSING = 1.5  # times as often right as by chance
_LABELS = Text(
    "Are the labels those of these outputs? Right no more often than by chance, it may be that they are in another "
    "order, or counted from one. Only then fit a temperature.",
    "标签与输出是否对应？正确率不高于随机猜测，可能是标签顺序不同或从 1 开始编号。排除这一点之后再拟合温度。",
)


@check(
    title=Text("Over-confident output", "输出过于自信"),
    why=Text(
        "A probability that is not meant so misleads whoever decides by it.", "名不副实的概率会误导依它决策的人。"
    ),
    advice=Text(
        "Fit a temperature on validation data; label smoothing or less training also help.",
        "在验证数据上拟合温度；标签平滑或减少训练也有帮助。",
    ),
    rank=80,
)
def overconfident(x: Inputs, labels: tuple[int, ...]) -> Checking:
    """Mean probability of the predicted class less the share of right answers, and the calibration error."""
    seen = yield from Pass(x, keep=[OUTPUT])
    scores = classes(seen)
    if x.size < FEWEST:
        raise DoesNotApply(
            Text(f"calibration needs at least {FEWEST} labelled examples", f"校准至少需要 {FEWEST} 个带标签的样本")
        )
    if bool(scores.isnan().any()):
        raise DoesNotApply(Text("the output holds NaN", "输出含有 NaN"))
    sure, guess = chances(scores).max(1)
    right = (guess == torch.tensor(labels)).double()
    gap = float(sure.mean() - right.mean())
    doubt = float((sure - right).std() / len(right) ** 0.5)
    if gap < LOW or gap < 3 * doubt:
        return []
    edges = np.linspace(0, 1, BINS + 1)
    place = np.clip(np.digitize(sure.numpy(), edges) - 1, 0, BINS - 1)
    said_to_be, truly, error = np.full(BINS, np.nan), np.full(BINS, np.nan), 0.0
    for i in range(BINS):
        mine = place == i
        if mine.any():
            said_to_be[i], truly[i] = sure.numpy()[mine].mean(), right.numpy()[mine].mean()
            error += float(mine.mean() * abs(said_to_be[i] - truly[i]))
    picture = Series(
        curves={"said": said_to_be, "right": truly},
        names={"said": Text("mean probability", "平均概率"), "right": Text("share that is right", "正确占比")},
        positions=tuple(((edges[1:] + edges[:-1]) / 2).tolist()),
        position_unit=Text("probability of the predicted class", "预测类别的概率"),
        unit=Text("share", "占比"),
        facts={"calibration error": error},
    )
    said = Text(
        f"It is {percent(float(sure.mean()))} sure on average and right in {percent(float(right.mean()))} of "
        f"{x.size} examples; the calibration error is {percent(error)}.",
        f"平均自信 {percent(float(sure.mean()))}，而 {x.size} 个样本中只有 {percent(float(right.mean()))} 正确；"
        f"校准误差为 {percent(error)}。",
    )
    guessing = float(right.mean()) < GUESSING / scores.shape[1]
    return [Noticed("medium" if gap >= MEDIUM else "low", "output", said, picture, _LABELS if guessing else None)]
