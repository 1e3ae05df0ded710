"""Border attribution: answers that hang on a corner or an edge of the picture, as on a label that leaked in."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pellucid.core.text import Text
from pellucid.diagnose.check import Checking, DoesNotApply, check
from pellucid.diagnose.finding import Noticed, Severity
from pellucid.engine.passes import OUTPUT, Pass
from pellucid.engine.targets import Target
from pellucid.inputs.inputs import Inputs
from pellucid.results.series import Series
from pellucid.results.spell import percent

SIDE, EXAMPLES = 6, 16  # a region is a sixth of the picture wide
HIGH, MEDIUM, ALONE = 0.5, 0.25, 3.0
_NAMES = {
    "top left": Text("top left corner", "左上角"),
    "top right": Text("top right corner", "右上角"),
    "bottom left": Text("bottom left corner", "左下角"),
    "bottom right": Text("bottom right corner", "右下角"),
}


class Corner(NamedTuple):
    """A region, as slices of rows and columns."""

    name: str
    rows: slice
    columns: slice


@check(
    title=Text("The answer hangs on a corner of the picture", "答案取决于图像的一角"),
    why=Text(
        "What lies there (a stamp, a watermark, a border) gives the label away, and will be missing elsewhere.",
        "那里的内容（印章、水印、扫描边框）泄露了标签；换个场合它就不在了。",
    ),
    advice=Text(
        "Look at that corner in the training pictures of every class; crop it, cover it, or move it at random.",
        "查看各类训练图像的这个角落；将其裁掉、遮住或随机移动。",
    ),
    rank=22,
)
def border_attribution(x: Inputs, target: Target) -> Checking:
    """The share of predictions that change when examples exchange one corner, which holds a 36th of the picture."""
    name = x.explained[0]
    value = x.tensors[name]
    if value.ndim != 4 or min(value.shape[2:]) < 2 * SIDE or value.shape[1] > 4:
        raise DoesNotApply(Text("the input is no picture", "输入不是图像"))
    seen = yield from Pass(x, keep=[OUTPUT], grads=["input"], target=target)
    if seen.output is None or seen.output.ndim != 2 or seen.output.shape[1] < 2:
        raise DoesNotApply(Text("the output has no classes to compare", "输出没有可比较的类别"))
    before = seen.output.argmax(1)
    if x.size < EXAMPLES or len(before.unique()) < 2:
        raise DoesNotApply(
            Text(
                f"exchanging corners needs at least {EXAMPLES} examples with different answers",
                f"互换角落至少需要 {EXAMPLES} 个答案不全相同的样本",
            )
        )
    corners = _corners(value.shape[2], value.shape[3])
    partner = _partners(before)
    swapped = torch.cat([_exchanged(value, corner, partner) for corner in corners])
    again = yield from Pass(x.repeated(len(corners)).replaced({name: swapped}), keep=[OUTPUT])
    if again.output is None:
        return []
    after = again.output.argmax(1).view(len(corners), -1)
    shares = (after != before).double().mean(1).cpu().numpy()
    best = int(shares.argmax())
    if shares[best] < MEDIUM or shares[best] < ALONE * np.sort(shares)[-2]:
        return []
    severity: Severity = "high" if shares[best] >= HIGH else "medium"
    where = _NAMES[corners[best].name]
    picture = Series(
        curves={"changed": shares},
        names={"changed": Text("predictions that change with the corner", "随该角改变的预测占比")},
        labels=tuple(one.name for one in corners),
        position_unit=Text("corner", "角"),
        unit=Text("share", "占比"),
        style="bar",
    )
    heat = _share_of_gradient(seen.grad("input") * value, corners[best])
    said = Text(
        f"When two examples exchange their {where.en} (a 36th of the picture), {percent(float(shares[best]))} of the "
        f"predictions change; it holds {percent(heat)} of gradient × input.",
        f"两个样本互换{where.zh}（图像的三十六分之一）后，{percent(float(shares[best]))} 的预测随之改变；"
        f"该处占梯度×输入的 {percent(heat)}。",
    )
    return [Noticed(severity, f"input ({corners[best].name})", said, picture)]


def _corners(height: int, width: int) -> list[Corner]:
    rows, columns = max(1, height // SIDE), max(1, width // SIDE)
    ends = {"top": slice(0, rows), "bottom": slice(height - rows, height)}
    sides = {"left": slice(0, columns), "right": slice(width - columns, width)}
    return [Corner(f"{end} {side}", ends[end], sides[side]) for end in ends for side in sides]


def _partners(classes: Tensor) -> Tensor:
    """For each example another one, of another class as far as there are any: sorted by class, half the batch on."""
    order = classes.argsort(stable=True)
    partner = torch.empty_like(order)
    partner[order] = order.roll(len(order) // 2)
    return partner


def _exchanged(value: Tensor, corner: Corner, partner: Tensor) -> Tensor:
    made = value.clone()
    made[:, :, corner.rows, corner.columns] = value[partner][:, :, corner.rows, corner.columns]
    return made


def _share_of_gradient(product: Tensor, corner: Corner) -> float:
    """The median over examples of the corner's share of the absolute values."""
    heat = product.detach().double().abs().sum(1)
    share = heat[:, corner.rows, corner.columns].sum((1, 2)) / heat.sum((1, 2)).clamp(min=1e-300)
    return float(np.median(share.cpu().numpy()))
