"""Attention collapse: every head looks at one token, evenly at all, or like every other head."""

import numpy as np

from pellucid.core.errors import LayerNotFound, NotApplicable
from pellucid.core.text import Text
from pellucid.diagnose.check import Checking, DoesNotApply, check
from pellucid.diagnose.finding import Noticed, Severity
from pellucid.engine.attention.attention import Attention
from pellucid.engine.passes import Pass
from pellucid.inputs.inputs import Inputs
from pellucid.results.series import Series
from pellucid.results.spell import number, percent

EVERY = "every attention"
HIGH, MEDIUM, EVEN, FEWEST = 0.98, 0.9, 0.9999, 4


@check(
    title=Text("Collapsed attention", "注意力塌缩"),
    why=Text(
        "A softmax that gives everything to one token passes no gradient to queries and keys: it stays as it is.",
        "把全部权重给一个 token 的 softmax 不向查询和键传递梯度，因而不再改变。",
    ),
    advice=Text(
        "Look at the size of queries and keys: normalise them, scale scores by 1/√d, lower the rate of these weights.",
        "检查查询与键的大小：加以归一化，将分数乘以 1/√d，或降低这些权重的学习率。",
    ),
    rank=20,
)
def attention_collapse(x: Inputs) -> Checking:
    """The largest probability of every row, and the entropy, by layer."""
    try:
        seen = yield from Pass(x, attention=(EVERY,))
    except (LayerNotFound, NotApplicable) as error:
        raise DoesNotApply(
            Text("the network has no attention between tokens", "网络没有 token 之间的注意力")
        ) from error
    every = [spot.attention for spot in seen.at(EVERY) if spot.attention is not None]
    numbers = [(one.address, *_numbers(one)) for one in every if one.shape[3] >= FEWEST and one.kind != "channel"]
    if not numbers:
        raise DoesNotApply(
            Text("the network has no attention over four tokens or more", "网络没有跨四个以上 token 的注意力")
        )
    most, entropy = (np.array([one[i] for one in numbers]) for i in (1, 2))
    picture = Series(
        curves={"most": most, "entropy": entropy},
        names={
            "most": Text("largest probability of a row, least collapsed head", "每行最大概率（最不集中的头）"),
            "entropy": Text("entropy / its maximum, mean over heads", "熵 / 最大熵（各头平均）"),
        },
        labels=tuple(one[0] for one in numbers),
        position_unit=Text("attention, first to last", "注意力（由前到后）"),
        unit=Text("share", "占比"),
    )
    found: list[Noticed] = []
    for i in np.argsort(-most, kind="stable"):
        if most[i] > MEDIUM:
            severity: Severity = "high" if most[i] > HIGH else "medium"
            said = Text(
                f"In every head a row gives {percent(float(most[i]))} or more to one token (mean over rows); "
                f"the entropy is {number(float(entropy[i]))} of its maximum.",
                f"每个头的每行平均将 {percent(float(most[i]))} 以上的权重给了一个 token；"
                f"熵为最大值的 {number(float(entropy[i]))}。",
            )
            found.append(Noticed(severity, numbers[i][0], said, picture))
    if not found and bool((entropy > EVEN).all()):
        said = Text(
            "Attention is even over all tokens in every head of every layer, as before any training.",
            "所有层的所有头对全部 token 的注意力完全均匀，如同未经训练。",
        )
        found.append(Noticed("info", numbers[0][0], said, picture))
    return found


def _numbers(one: Attention) -> tuple[float, float]:
    """Of the head that collapsed least the mean of the largest probabilities; the mean entropy of all, 1 is even.

    Rows that see fewer than four keys (the first ones under a causal mask) do not count.
    """
    weights = one.weights.double()
    seen = (weights > 0).sum(-1) if one.causal else weights.new_full(weights.shape[:-1], weights.shape[-1])
    count = seen if not one.causal else weights.new_tensor(range(1, weights.shape[-1] + 1)).expand(seen.shape)
    kept = count >= FEWEST
    most = weights.amax(-1)
    surprise = -(weights * weights.clamp(min=1e-300).log()).sum(-1) / count.clamp(min=2).log()
    mass = kept.double().sum((0, 2)).clamp(min=1)
    by_head = (most * kept).sum((0, 2)) / mass
    return float(by_head.min()), float(((surprise * kept).sum((0, 2)) / mass).mean())
