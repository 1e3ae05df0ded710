"""Border attribution: answers that hang on a corner, an edge or the frame of the picture, as on a label that leaked."""

import numpy as np
import torch
from torch import Tensor

from pellucid.core.text import Text
from pellucid.diagnose.borders import EDGE, Region, regions
from pellucid.diagnose.check import Checking, DoesNotApply, check
from pellucid.diagnose.classes import classes
from pellucid.diagnose.finding import Noticed, Severity
from pellucid.engine.passes import OUTPUT, Looking, Pass
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.results.series import Series
from pellucid.results.spell import percent

EXAMPLES, MOST = 16, 32
HIGH, MEDIUM, ALONE = 0.5, 0.25, 3.0
_AXIS = {
    4: Text("corner", "角"),
    8: Text("corner, edge", "角、边"),
    9: Text("corner, edge, frame (□)", "角、边、边框（□）"),
}


@check(
    title=Text("The answer hangs on a corner or an edge of the picture", "答案取决于图像的角落或边缘"),
    why=Text(
        "What lies there (a stamp, a watermark, a border) gives the label away, and will be missing elsewhere.",
        "那里的内容（印章、水印、扫描边框）泄露了标签；换个场合它就不在了。",
    ),
    advice=Text(
        "Look at that part of the training pictures of every class; crop it, cover it, or move it at random.",
        "查看各类训练图像的这个部位；将其裁掉、遮住或随机移动。",
    ),
    rank=22,
)
def border_attribution(x: Inputs, target: Target) -> Checking:
    """The share of predictions that change when examples exchange a corner, that go with an edge, or with the frame.

    Of four corners, and of four edges, one must stand out. Edges and frame hold parts of many things: there only those
    answers count that become the other example's; the frame, a quarter of the picture, is named from half of them on.
    """
    name = x.explained[0]
    value = x.tensors[name]
    if value.ndim != 4 or min(value.shape[2:]) < EDGE or value.shape[1] > 4:
        raise DoesNotApply(Text("the input is no picture", "输入不是图像"))
    seen = yield from Pass(x, keep=[OUTPUT], grads=["input"], target=target)
    before = classes(seen).argmax(1)[:MOST]
    if x.size < EXAMPLES or len(before.unique()) < 2:
        raise DoesNotApply(
            Text(
                f"exchanging corners needs at least {EXAMPLES} examples with different answers",
                f"互换角落至少需要 {EXAMPLES} 个答案不全相同的样本",
            )
        )
    some = x.rows(0, len(before))
    heat = (seen.grad("input") * value).detach().double().abs().sum(1)
    shares: list[float] = []
    every: list[Region] = []
    for kind in regions(*value.shape[2:]):
        mine: list[float] = []
        for one in kind:
            share = yield from _moved(some, name, one, before, follow=bool(every))
            mine.append(share)
        every, shares, best = [*every, *kind], [*shares, *mine], int(np.argmax(mine))
        least = HIGH if len(kind) == 1 else max(MEDIUM, ALONE * sorted(mine)[-2])
        if mine[best] >= least:
            return [_noticed(every, shares, len(shares) - len(mine) + best, heat)]
    return []


def _moved(x: Inputs, name: str, region: Region, before: Tensor, *, follow: bool) -> Looking[float]:
    """The share of predictions that change when examples exchange a region; `follow`: that go with it."""
    value, partner = x.tensors[name], _partners(before)
    inside = region.inside.to(value.device)
    seen = yield from Pass(x.replaced({name: torch.where(inside, value[partner], value)}), keep=[OUTPUT])
    after = classes(seen).argmax(1)
    moved = (after == before[partner]) & (after != before) if follow else after != before
    return float(moved.double().mean())


def _noticed(every: list[Region], shares: list[float], best: int, heat: Tensor) -> Noticed:
    where = every[best].name
    severity: Severity = (
        "high" if shares[best] >= HIGH and len(every) < 9 else "medium"
    )  # a frame holds other things too
    part = every[best].inside.double().mean().item()
    held = heat[:, every[best].inside.to(heat.device)].sum(1) / heat.sum((1, 2)).clamp(min=1e-300)
    picture = Series(
        curves={"changed": np.array(shares)},
        names={"changed": Text("changed predictions", "改变的预测")},
        labels=tuple(one.sign for one in every),
        position_unit=_AXIS[len(every)],
        unit=Text("share", "占比"),
        style="bar",
    )
    said = Text(
        f"When two examples exchange their {where.en} ({percent(part)} of the picture), {percent(shares[best])} of the "
        f"predictions change; it holds {percent(float(held.median()))} of gradient × input.",
        f"两个样本互换{where.zh}（占图像的 {percent(part)}）后，{percent(shares[best])} 的预测随之改变；"
        f"该处占梯度×输入的 {percent(float(held.median()))}。",
    )
    return Noticed(severity, "input", said, picture)


def _partners(classes: Tensor) -> Tensor:
    """For each example another one, of another class as far as there are any: sorted by class, half the batch on."""
    order = classes.argsort(stable=True)
    partner = torch.empty_like(order)
    partner[order] = order.roll(len(order) // 2)
    return partner
