"""Alike heads: all heads of an attention look at the same tokens."""

import numpy as np
from torch import Tensor

from pellucid.core.errors import LayerNotFound, NotApplicable
from pellucid.core.text import Text
from pellucid.diagnose.check import Checking, DoesNotApply, check
from pellucid.diagnose.finding import Noticed
from pellucid.engine.passes import Pass
from pellucid.inputs.inputs import Inputs
from pellucid.results.series import Series
from pellucid.results.spell import percent

EVERY = "every attention"
ALIKE, EVEN, FEWEST = 0.05, 0.02, 4


@check(
    title=Text("Attention heads that are all alike", "注意力头彼此相同"),
    why=Text(
        "Several heads then do the work of one, and equal heads get equal gradients: they stay alike.",
        "多个头只做了一个头的工作；相同的头得到相同的梯度，会一直相同。",
    ),
    advice=Text(
        "Were weights copied from one head to all, or are queries and keys shared? Draw them anew, or use fewer heads.",
        "是否把一个头的权重复制到了所有头，或共享了查询与键？请重新随机初始化，或减少头数。",
    ),
    rank=21,
)
def alike_heads(x: Inputs) -> Checking:
    """How far heads lie from their mean, as a share of how far that lies from even attention; by layer.

    Distances are half the sum of absolute differences of the probabilities: the share of attention that lies elsewhere.
    """
    try:
        seen = yield from Pass(x, attention=(EVERY,))
    except (LayerNotFound, NotApplicable) as error:
        raise DoesNotApply(
            Text("the network has no attention between tokens", "网络没有 token 之间的注意力")
        ) from error
    every = [spot.attention for spot in seen.at(EVERY) if spot.attention is not None]
    several = [one for one in every if one.shape[1] > 1 and one.shape[3] >= FEWEST and one.kind != "channel"]
    if not several:
        raise DoesNotApply(Text("no attention has several heads", "没有多头注意力"))
    numbers = [distances(one.weights) for one in several]
    apart, uneven = (np.array([one[i] for one in numbers]) for i in (0, 1))
    picture = Series(
        curves={"apart": apart, "uneven": uneven},
        names={
            "apart": Text("of heads from their mean", "各头与其平均的距离"),
            "uneven": Text("of heads from even attention", "各头与均匀注意力的距离"),
        },
        labels=tuple(one.address for one in several),
        position_unit=Text("attention, first to last", "注意力（由前到后）"),
        unit=Text("distance", "距离"),
    )
    found: list[Noticed] = []
    for i, one in enumerate(several):
        if uneven[i] > EVEN and apart[i] < ALIKE * uneven[i]:
            said = Text(
                f"Its {one.shape[1]} heads differ in {percent(float(apart[i]))} of their attention, while it differs "
                f"from even attention in {percent(float(uneven[i]))}.",
                f"{one.shape[1]} 个头之间只有 {percent(float(apart[i]))} 的注意力不同，"
                f"而它们与均匀注意力相差 {percent(float(uneven[i]))}。",
            )
            found.append(Noticed("medium", one.address, said, picture))
    return found


def distances(weights: Tensor) -> tuple[float, float]:
    """Of probabilities `(row, head, query, key)`: mean distance of heads from their mean, and from even attention."""
    wide = weights.double()
    seen = (wide.amax((0, 1)) > 0).double()  # keys that a mask hides from a query are no part of even attention
    even = seen / seen.sum(-1, keepdim=True).clamp(min=1)
    apart = (wide - wide.mean(1, keepdim=True)).abs().sum(-1).mean() / 2
    return float(apart), float((wide - even).abs().sum(-1).mean() / 2)
