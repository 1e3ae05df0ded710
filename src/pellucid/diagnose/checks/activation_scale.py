"""Activation scale: weights make the signal weaker, or stronger, from layer to layer."""

import numpy as np
import torch
from torch import Tensor

from pellucid.core.text import Text
from pellucid.diagnose.check import Checking, DoesNotApply, check
from pellucid.diagnose.finding import Noticed
from pellucid.diagnose.flow import WEIGHTS
from pellucid.diagnose.normalizing import refuse_fresh
from pellucid.engine.looker import Looker
from pellucid.engine.passes import Keep, Pass
from pellucid.inputs.inputs import Inputs
from pellucid.ops.precision import in_double
from pellucid.results.series import Series
from pellucid.results.spell import number

HIGH, MEDIUM, FEWEST = 1e4, 1e3, 4
WEAK, STRONG = 0.5, 2.0
ELEMENTS = 4096  # of an example


@check(
    title=Text("Weights out of scale: the signal fades or grows with depth", "权重尺度失当：信号随深度衰减或膨胀"),
    why=Text(
        "The last layers then see next to no difference between two inputs, or numbers that grow without limit.",
        "此时最后几层几乎看不出不同输入的差别，或者数值无限增大。",
    ),
    advice=Text(
        "Initialise for the activation in use (Kaiming for ReLU, Xavier for tanh), or add a normalisation.",
        "按所用激活函数初始化（ReLU 用 Kaiming，tanh 用 Xavier），或加入归一化。",
    ),
    rank=30,
)
def activation_scale(x: Inputs, lens: Looker) -> Checking:
    """How much examples differ at every layer, and by what each layer's weights multiply that."""
    if x.size < 2:
        raise DoesNotApply(
            Text("differences between examples need at least two examples", "样本间差异至少需要两个样本")
        )
    before, after = Keep(f"{WEIGHTS}:in", spread), Keep(WEIGHTS, spread)
    seen = yield from Pass(x, keep=[before, after])
    refuse_fresh(lens, seen)
    pairs = [
        (spot.address, float(one.value), float(spot.value))
        for one, spot in zip(seen.at(before), seen.at(after), strict=False)
        if one.place.path == spot.place.path
    ]
    into, out = (np.array([pair[i] for pair in pairs]) for i in (1, 2))
    if len(pairs) < FEWEST or not (np.isfinite(into).all() and np.isfinite(out).all() and into[0] > 0):
        return []
    gains = out[into > 0] / into[into > 0]
    whole, gain = float(out[-1] / into[0]), float(np.median(gains))
    fades = whole < 1 / MEDIUM and gain < WEAK
    if not fades and not (whole > MEDIUM and gain > STRONG):
        return []
    picture = Series(
        curves={"before": into, "after": out},
        names={"before": Text("before the layer", "层之前"), "after": Text("after it", "层之后")},
        labels=tuple(pair[0] for pair in pairs),
        position_unit=Text("layer, first to last", "层（由前到后）"),
        unit=Text("standard deviation over examples", "样本间标准差"),
        log=True,
    )
    said = Text(
        f"From the first layer to the last, differences between examples are multiplied by {number(whole)}; "
        f"a layer's weights multiply them by {number(gain)} (median of {len(gains)}).",
        f"从第一层到最后一层，样本间差异变为原来的 {number(whole)} 倍；"
        f"每层权重使其乘以 {number(gain)}（{len(gains)} 层的中位数）。",
    )
    return [Noticed("high" if max(whole, 1 / max(whole, 1e-300)) > HIGH else "medium", pairs[-1][0], said, picture)]


def spread(value: Tensor) -> Tensor:
    """Root mean square distance of the examples from their mean, in units of one element; of a large value, of some.

    The step between these is odd, so that it runs through all rows and columns of a picture.
    """
    if value.is_floating_point() and value.ndim > 1:
        flat = value.flatten(1)
        some = in_double(flat[:, :: flat.shape[1] // ELEMENTS | 1])
        return (some - some.mean(0, keepdim=True)).square().mean().sqrt()
    return torch.tensor(float("nan"))
