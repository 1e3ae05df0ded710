"""Over-fitting: the loss of validation rises while that of training falls."""

import numpy as np

from pellucid.core.text import Text
from pellucid.diagnose.check import Checking, DoesNotApply, check
from pellucid.diagnose.finding import Noticed
from pellucid.engine.monitor.history import Curve, History
from pellucid.engine.passes import Step
from pellucid.results.series import Series
from pellucid.results.spell import number

HIGH, MEDIUM, FEWEST = 1.5, 1.1, 4
_MARKS = ("val", "eval", "test")


@check(
    title=Text("Over-fitting", "过拟合"),
    why=Text(
        "From there on the network learns the training examples by heart, and gets worse on all others.",
        "从那时起网络只是在背训练样本，对其他样本反而更差。",
    ),
    advice=Text(
        "Take the weights of the best step; more data, augmentation, weight decay or a smaller network.",
        "采用最佳步的权重；增加数据或数据增强，使用权重衰减，或缩小网络。",
    ),
    rank=70,
)
def overfitting(run: History) -> Checking:
    """The last loss of validation as a multiple of its least."""
    yield from Step((0, 1))
    pair = _pair(run)
    if pair is None:
        raise DoesNotApply(Text("the run holds no loss of validation", "训练记录中没有验证损失"))
    train, val = pair
    values = _smooth(val.values.astype(float))
    if len(values) < FEWEST or not np.isfinite(values).all() or values.min() <= 0:
        return []
    best, end = int(values.argmin()), float(values[-1])
    times = end / float(values[best])
    at = np.searchsorted(train.steps, val.steps[best])
    falls = bool(np.nanmedian(train.values[-3:]) < np.nanmedian(train.values[max(0, at - 1) : at + 2]))
    if times < MEDIUM or not falls or best >= len(values) - 2:
        return []
    picture = Series(
        curves={"validation": val.values},
        names={"validation": Text("loss of validation", "验证损失")},
        positions=tuple(float(one) for one in val.steps),
        position_unit=Text("step", "步"),
        unit=Text("loss", "损失"),
        marks={best: Text("best", "最佳")},
    )
    said = Text(
        f"The loss of validation was least at step {int(val.steps[best])} and is now {number(times)} times that, "
        "while that of training went on falling.",
        f"验证损失在第 {int(val.steps[best])} 步最低，现为其 {number(times)} 倍，而训练损失仍在下降。",
    )
    return [Noticed("high" if times > HIGH else "medium", "run", said, picture)]


def _pair(run: History) -> tuple[Curve, Curve] | None:
    """Losses of training and of validation."""
    losses = {name: curve for name, curve in run.metrics.items() if "loss" in name}
    val = [curve for name, curve in losses.items() if any(mark in name for mark in _MARKS)]
    train = [curve for name, curve in losses.items() if not any(mark in name for mark in _MARKS)]
    return (train[0], val[0]) if train and val and len(train[0].steps) else None


def _smooth(values: np.ndarray) -> np.ndarray:
    """Medians of three: one odd value is no course."""
    return np.array([np.median(values[max(0, i - 1) : i + 2]) for i in range(len(values))])
