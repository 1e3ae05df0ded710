"""One row for each model, to choose by."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.core.text import Text
from pellucid.diagnose.finding import SEVERITIES
from pellucid.diagnose.findings import Findings
from pellucid.lens.comparing.decided import Answered, incomparable, numbered, share
from pellucid.lens.comparing.findings import counted, high
from pellucid.lens.comparing.observed import Observed
from pellucid.lens.comparing.words import some
from pellucid.results import Table, spell

_COLUMNS = {
    "model": Text("model", "模型"),
    "accuracy": Text("accuracy", "准确率"),
    "agrees": Text("agrees with the first", "与第一个一致"),
    "confidence": Text("mean confidence", "平均置信度"),
    "margin": Text("mean margin (logit)", "平均领先（logit）"),
    "perplexity": Text("perplexity", "困惑度"),
    "findings": Text("findings", "诊断结果"),
    "parameters": Text("parameters", "参数量"),
    "flops": Text("FLOPs of one example", "单样本 FLOPs"),
    "seconds": Text("seconds of a forward", "前向用时（秒）"),
}


def summary(
    models: Sequence[Observed],
    answers: Sequence[Answered],
    costs: Mapping[str, Mapping[str, float | None]],
    findings: Mapping[str, Findings | None],
) -> Table:
    """What tells which to choose, as far as it is known.

    Args:
        models: all of them.
        answers: of those that decide.
        costs: by name of the model, "flops" and "seconds" of a forward.
        findings: by name of the model; empty where none were looked for.
    """
    by = {one.name: one for one in answers}
    rows = [_row(one, by.get(one.name), answers, costs.get(one.name, {}), findings.get(one.name)) for one in models]
    shown = {key: words for key, words in _COLUMNS.items() if any(row[key] is not None for row in rows)}
    rows = [{key: row[key] for key in shown} for row in rows]
    notes = (*_best(answers), *numbered(answers), *_perplexities(answers), *high(findings), *_undecided(models))
    counts = {name: {one: len(found.of(one)) for one in SEVERITIES} for name, found in findings.items() if found}
    return Table(rows=tuple(rows), columns=shown, notes=notes, facts={"findings": counts})


def _row(
    one: Observed,
    found: Answered | None,
    answers: Sequence[Answered],
    cost: Mapping[str, float | None],
    findings: Findings | None,
) -> dict[str, Any]:
    held = {id(one): one.numel() for layer in one.layers for one in layer.weights.values()}
    return {
        "model": one.name,
        "accuracy": _known(found and found.accuracy),
        "agrees": _known(found and share(answers[0], found)) if len(answers) > 1 else None,
        "confidence": _known(found and found.confidence),
        "margin": _known(found and found.margin),
        "perplexity": _known(found and found.perplexity),
        "findings": None if findings is None else counted(findings),
        "parameters": sum(held.values()),
        "flops": cost.get("flops"),
        "seconds": cost.get("seconds"),
    }


def _known(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else value


def _undecided(models: Sequence[Observed]) -> tuple[Text, ...]:
    """Of which models no answers are compared, and why."""
    by: dict[Text, list[str]] = {}
    for one in models:
        if one.why is not None:
            by.setdefault(one.why, []).append(one.name)
    return tuple(
        Text(
            f"{', '.join(names)}: no answers to compare, as {why.en}.",
            f"{'、'.join(names)}：没有可比较的答案，因为{why.zh}。",
        )
        for why, names in by.items()
    )


def _perplexities(answers: Sequence[Answered]) -> tuple[Text, ...]:
    """Whether they can be compared at all."""
    known = [one for one in answers if not np.isnan(one.perplexity)]
    if all(incomparable(known[0], one) is None for one in known[1:]):
        return ()
    return (
        Text(
            "Perplexities are of each model's own tokens: those that read other tokens cannot be compared by them.",
            "困惑度以各模型自己的词元计：词元不同的模型之间不能以此比较。",
        ),
    )


def _best(answers: Sequence[Answered]) -> tuple[Text, ...]:
    """Which is right most often, and by how much more than chance might do."""
    known = sorted((one for one in answers if not np.isnan(one.accuracy)), key=lambda one: -one.accuracy)
    if len(known) < 2:
        return ()
    best, next_ = known[0], known[1]
    both = (best.truth >= 0) & (next_.truth >= 0)
    wins = int((best.right & ~next_.right)[both].sum())
    losses = int((~best.right & next_.right)[both].sum())
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
            f"latter {some(losses, 'time')}: {weight.en} (sign test, p = {spell.number(chance, 2)}).",
            f"{best.name} 准确率最高，为 {spell.percent(best.accuracy)}；其次是 {next_.name}，"
            f"{spell.percent(next_.accuracy)}。仅一方正确时，前者 {wins} 次，后者 {losses} 次："
            f"{weight.zh}（符号检验，p = {spell.number(chance, 2)}）。",
        ),
    )


def _chance(wins: int, losses: int) -> float:
    from scipy.stats import binomtest

    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0
