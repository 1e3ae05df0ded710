"""Which heads an answer depends on, in numbers and words."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from pellucid.core.text import Text
from pellucid.methods.attention._arranged import Part
from pellucid.methods.attention._said import single
from pellucid.results import spell


def facts_of_heads(sums: Tensor, measured: Mapping[int, float]) -> dict[str, Any]:
    """The importance of each head, and for those that were switched off the predicted and the measured change.

    Args:
        sums: `(example, head)`, Σ A ⊙ ∂f/∂A.
        measured: the change of the score by head.
    """
    importance, predicted = sums.abs().mean(0), -sums.mean(0)
    ablated = tuple((head, float(predicted[head]), change) for head, change in sorted(measured.items()))
    return {"importance": tuple(importance.tolist()), **({"ablated": ablated} if ablated else {})}


def important(parts: Sequence[Part], lone: Mapping[str, int], unit: str, examples: int) -> tuple[Text, ...]:
    """The most important head, what was measured, and which layers have one query only that matters."""
    ranked = [(size, i, head) for i, part in enumerate(parts) for head, size in enumerate(part.facts["importance"])]
    size, most, head = max(ranked, key=lambda one: (one[0], -one[1], -one[2]))
    names = [_of(part.one.layer if len(parts) > 1 else "") for part in parts]
    if not size:
        found = [_NOTHING]
    else:
        en, zh = names[most].en, names[most].say("zh")
        number = spell.number(size, 2)
        found = [
            Text(
                f"Most depends on head {head}{en}: |Σ A·∂f/∂A| = {number} {unit}.",
                f"最依赖{zh}头 {head}：|Σ A·∂f/∂A| = {number} {unit}。",
                aside=True,
            )
        ]
    for name, part in zip(names, parts, strict=True):
        found += [_beside(name, each, examples) for each in part.facts.get("ablated", ())]
    for name, part in zip(names, parts, strict=True):
        at = lone.get(part.one.attention.address)
        found += [] if at is None else [single(at, name)]
    return tuple(found)


def _of(layer: str) -> Text:
    """Which layer, behind the name of a head; nothing where there is one only."""
    return Text(f" of {layer}", f" {layer} 的") if layer else Text("")


def _beside(name: Text, ablated: tuple[int, float, float], examples: int) -> Text:
    head, predicted, change = ablated
    first, second = spell.number(change, 2), spell.number(predicted, 2)
    mean = Text("", "") if examples == 1 else Text(" on average", "平均")
    return Text(
        f"Without head {head}{name.en} the score changes by {first}{mean.en}, measured; the gradient predicts {second}.",
        f"去掉{name.say('zh')}头 {head} 后，得分实测{mean.say('zh')}变化 {first}；梯度预测为 {second}。",
    )


_NOTHING = Text("The target does not depend on this attention.", "目标不依赖此处的注意力。")
