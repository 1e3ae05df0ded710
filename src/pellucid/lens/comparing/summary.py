"""One row for each model, to choose by."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.core.text import Text
from pellucid.lens.comparing.decided import Answered, comparable, same
from pellucid.lens.comparing.observed import Observed
from pellucid.results import Table, spell

_COLUMNS = {
    "model": Text("model", "模型"),
    "accuracy": Text("accuracy", "准确率"),
    "agrees": Text("agrees with the first", "与第一个一致"),
    "confidence": Text("mean confidence", "平均置信度"),
    "margin": Text("mean margin (logit)", "平均领先（logit）"),
    "parameters": Text("parameters", "参数量"),
    "flops": Text("FLOPs of one example", "单样本 FLOPs"),
    "seconds": Text("seconds of a forward", "前向用时（秒）"),
}


def summary(
    models: Sequence[Observed], answers: Sequence[Answered], costs: Mapping[str, Mapping[str, float | None]]
) -> Table:
    """Accuracy, confidence and margin where there are data, size, and cost where an input was given.

    Args:
        costs: by name of the model, "flops" and "seconds" of a forward.
    """
    by = {one.name: one for one in answers}
    rows = [_row(one, by.get(one.name), answers, costs.get(one.name, {})) for one in models]
    shown = {key: words for key, words in _COLUMNS.items() if any(row[key] is not None for row in rows)}
    rows = [{key: row[key] for key in shown} for row in rows]
    return Table(rows=tuple(rows), columns=shown, notes=_best(answers))


def _row(
    one: Observed, found: Answered | None, answers: Sequence[Answered], cost: Mapping[str, float | None]
) -> dict[str, Any]:
    agrees = None
    if found is not None and len(answers) > 1 and comparable(answers[0], found) and len(found.answers):
        agrees = float(same(answers[0], found).mean())
    held = {id(one): one.numel() for layer in one.layers for one in layer.weights.values()}
    return {
        "model": one.name,
        "accuracy": None if found is None or np.isnan(found.accuracy) else found.accuracy,
        "agrees": agrees,
        "confidence": float(found.confidences.mean()) if found is not None and len(found.answers) else None,
        "margin": float(found.margins.mean()) if found is not None and len(found.answers) else None,
        "parameters": sum(held.values()),
        "flops": cost.get("flops"),
        "seconds": cost.get("seconds"),
    }


def _best(answers: Sequence[Answered]) -> tuple[Text, ...]:
    """Which is right most often, and by how much more than chance might do."""
    known = sorted((one for one in answers if not np.isnan(one.accuracy)), key=lambda one: -one.accuracy)
    if len(known) < 2:
        return ()
    best, next_ = known[0], known[1]
    both = (best.truth >= 0) & (next_.truth >= 0)
    wins = int(((best.answers == best.truth) & (next_.answers != next_.truth))[both].sum())
    losses = int(((best.answers != best.truth) & (next_.answers == next_.truth))[both].sum())
    ties = [one.name for one in known if one.accuracy == best.accuracy]
    if len(ties) > 1:
        top, leads = spell.percent(best.accuracy), len(ties) < len(known)
        often = ("most often", "最高") if leads else ("equally often", "相同")
        return (
            Text(
                f"{', '.join(ties[:-1])} and {ties[-1]} are right {often[0]}, {top}.",
                f"{'、'.join(ties[:-1])} 与 {ties[-1]} 的准确率{often[1]}，为 {top}。",
            ),
        )
    chance = _chance(wins, losses)
    weight = (
        Text("more than chance explains", "超出偶然所能解释")
        if chance < 0.05
        else Text("no more than chance may do", "未超出偶然的范围")
    )
    return (
        Text(
            f"{best.name} is right most often, {spell.percent(best.accuracy)}; next is {next_.name}, "
            f"{spell.percent(next_.accuracy)}. Where just one of the two is right, it is the former {wins} and the "
            f"latter {losses} times: {weight.en} (sign test, p = {spell.number(chance, 2)}).",
            f"{best.name} 准确率最高，为 {spell.percent(best.accuracy)}；其次是 {next_.name}，"
            f"{spell.percent(next_.accuracy)}。仅一方正确时，前者 {wins} 次，后者 {losses} 次："
            f"{weight.zh}（符号检验，p = {spell.number(chance, 2)}）。",
        ),
    )


def _chance(wins: int, losses: int) -> float:
    from scipy.stats import binomtest

    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0
