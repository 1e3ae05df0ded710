"""What several models answer, and where their answers part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.text import Text
from pellucid.lens.comparing.observed import Observed
from pellucid.results import Matrix, Table, spell

MOST = 100  # samples that are listed


@dataclass(frozen=True, eq=False)
class Answered:
    """What one model answers to the same samples as all others.

    Args:
        name: of the model.
        labels: names of its classes, empty if they are not known.
        classes: how many there are.
        answers, confidences, margins: `(sample,)`.
        truth: `(sample,)` the right class in its own numbering, -1 where it is not known.
    """

    name: str
    labels: tuple[str, ...]
    classes: int
    answers: np.ndarray
    confidences: np.ndarray
    margins: np.ndarray
    truth: np.ndarray

    @property
    def accuracy(self) -> float:
        """Share of right answers among the samples that have a label; NaN if none has."""
        known = self.truth >= 0
        return float((self.answers == self.truth)[known].mean()) if known.any() else float("nan")

    def called(self, answer: int) -> str:
        """The name of a class."""
        return self.labels[answer] if answer < len(self.labels) else f"class {answer}"

    def words(self) -> list[str]:
        """The answers, in words that can be compared with those of another model."""
        return [self.called(int(one)).casefold().replace("_", " ").strip() for one in self.answers]


def answered(models: Sequence[Observed]) -> tuple[list[Answered], np.ndarray]:
    """The answers of every model that has any, to the samples that all of them answered; and their ordinals."""
    having = [one for one in models if one.answers is not None]
    if not having:
        return [], np.zeros(0, np.int64)
    common = np.asarray((having[0].answers or {})["ordinals"])
    for one in having[1:]:
        common = np.intersect1d(common, (one.answers or {})["ordinals"])
    return [_of(one, one.answers or {}, common) for one in having], common


def _of(one: Observed, found: Mapping[str, Any], common: np.ndarray) -> Answered:
    at = np.searchsorted(found["ordinals"], common)
    labels, classes = one.lens.labels, int(found["classes"])
    named = len(labels) == classes
    source = found["source"]
    truth = np.asarray(found["labels"])[at]
    if len(source.classes) not in (0, classes) or (truth >= classes).any():
        truth = np.full_like(truth, -1)  # labels of other classes than the model's
    answers, confidences, margins = (np.asarray(found[name])[at] for name in ("answers", "confidences", "margins"))
    return Answered(one.name, labels if named else (), classes, answers, confidences, margins, truth)


def comparable(one: Answered, two: Answered) -> bool:
    """Whether answers of both mean the same: their classes have names, or are as many."""
    return bool(one.labels and two.labels) or one.classes == two.classes


def same(one: Answered, two: Answered) -> np.ndarray:
    """Which samples both answer alike, `(sample,)`."""
    if one.labels and two.labels and one.labels != two.labels:
        return np.array([a == b for a, b in zip(one.words(), two.words(), strict=True)], bool)
    return one.answers == two.answers


def agreement(models: Sequence[Answered]) -> Matrix:
    """The share of samples on which two models answer alike; NaN where their classes cannot be compared."""
    values = np.array(
        [[float(same(a, b).mean()) if comparable(a, b) else float("nan") for b in models] for a in models]
    )
    names = tuple(one.name for one in models)
    notes = tuple(
        _agreed(models[0], other, float(share)) for other, share in zip(models[1:], values[0, 1:], strict=True)
    )
    return Matrix(
        values=values,
        axes=("model", "model"),
        rows=names,
        columns=names,
        limits=(0.0, 1.0),
        unit=Text("share of samples", "样本比例"),
        notes=notes,
        facts={"samples": len(models[0].answers)},
    )


def _agreed(one: Answered, two: Answered, share: float) -> Text:
    count = len(one.answers)
    if np.isnan(share):
        return Text(
            f"{one.name} and {two.name} have other classes, and no names by which to compare them.",
            f"{one.name} 与 {two.name} 的类别不同，且没有可用于比较的名称。",
        )
    parted = count - round(share * count)
    if not parted:
        return Text(
            f"{two.name} answers all {count:,} samples as {one.name} does.",
            f"{two.name} 对全部 {count:,} 个样本的答案都与 {one.name} 相同。",
        )
    return Text(
        f"{two.name} and {one.name} answer alike on {spell.percent(share)} of {count:,} samples and part on {parted:,}"
        f"{_right(one, two)[0]}.",
        f"{two.name} 与 {one.name} 在 {count:,} 个样本中有 {spell.percent(share)} 答案相同，{parted:,} 个不同"
        f"{_right(one, two)[1]}。",
    )


def _right(one: Answered, two: Answered) -> tuple[str, str]:
    known = (one.truth >= 0) & (two.truth >= 0) & ~same(one, two)
    if not known.any():
        return "", ""
    first, second = int((one.answers == one.truth)[known].sum()), int((two.answers == two.truth)[known].sum())
    neither = int(known.sum()) - first - second
    return (
        f"; there {one.name} is right {first:,} times, {two.name} {second:,} times, neither {neither:,} times",
        f"；其中 {one.name} 对 {first:,} 次，{two.name} 对 {second:,} 次，都错 {neither:,} 次",
    )


def parting(models: Sequence[Answered], ordinals: np.ndarray, source: Any) -> Table | None:
    """The samples on which any two part, those first on which they are surest; None where there are none."""
    apart = np.zeros(len(ordinals), bool)
    for other in models[1:]:
        if comparable(models[0], other):
            apart |= ~same(models[0], other)
    at = np.flatnonzero(apart)
    if not at.size:
        return None
    sure = np.mean([one.confidences for one in models], axis=0)
    at = at[np.argsort(-sure[at], kind="stable")]
    known = any((one.truth >= 0).any() for one in models)
    columns: dict[str, Text] = {"sample": Text("sample", "样本")}
    if known:
        columns["label"] = Text("label", "标签")
    for number, one in enumerate(models):
        columns[f"answer {number}"] = Text(one.name)
        columns[f"confidence {number}"] = Text("confidence", "置信度")
    if known:
        columns["right"] = Text("right", "谁对")
    rows = [_parted(models, int(i), source.name(int(ordinals[i])), known=known) for i in at[:MOST]]
    notes = (
        (Text(f"The surest {MOST} of {len(at):,} samples.", f"列出 {len(at):,} 个样本中置信度最高的 {MOST} 个。"),)
        if len(at) > MOST
        else ()
    )
    return Table(rows=tuple(rows), columns=columns, notes=notes, facts={"parted": len(at), "samples": len(ordinals)})


def _parted(models: Sequence[Answered], i: int, name: str, *, known: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"sample": name}
    truth = next((one for one in models if one.truth[i] >= 0), None)
    if known:
        row["label"] = truth.called(int(truth.truth[i])) if truth else None
    for number, one in enumerate(models):
        row[f"answer {number}"] = one.called(int(one.answers[i]))
        row[f"confidence {number}"] = float(one.confidences[i])
    if known:
        right = [one.name for one in models if one.truth[i] >= 0 and one.answers[i] == one.truth[i]]
        row["right"] = ", ".join(right) or "—"
    return row


def of_input(scores: Sequence[tuple[str, tuple[str, ...], np.ndarray | None]]) -> Table | None:
    """What every model answers to every example of an input.

    Args:
        scores: name of the model, of its classes, and `(example, class)`; None where it has no classes.
    """
    rows: list[dict[str, Any]] = []
    for name, labels, found in scores:
        for example, one in enumerate(found if found is not None else ()):
            order = np.argsort(-one, kind="stable")
            odds = np.exp(one.astype(np.float64) - one.max())
            odds /= odds.sum()
            called = [labels[k] if k < len(labels) else f"class {k}" for k in order[:2]]
            rows.append(
                {
                    "example": str(example + 1),
                    "model": name,
                    "answer": called[0],
                    "probability": float(odds[order[0]]),
                    "second": called[1],
                    "margin": float(one[order[0]] - one[order[1]]),
                }
            )
    rows.sort(key=lambda row: int(row["example"]))
    columns = {
        "example": Text("example", "样本"),
        "model": Text("model", "模型"),
        "answer": Text("answer", "答案"),
        "probability": Text("probability", "概率"),
        "second": Text("second", "其次"),
        "margin": Text("margin (logit)", "领先（logit）"),
    }
    if len({row["example"] for row in rows}) == 1:
        del columns["example"]
    return Table(rows=tuple(rows), columns=columns, notes=_of_input_said(rows)) if rows else None


def _of_input_said(rows: Sequence[Mapping[str, Any]]) -> tuple[Text, ...]:
    examples = {row["example"] for row in rows}
    parted = [k for k in examples if len({row["answer"] for row in rows if row["example"] == k}) > 1]
    if not parted:
        return (Text("All of them give the same answer.", "答案全部相同。"),)
    if len(examples) == 1:
        return (Text("Their answers part.", "答案出现分歧。"),)
    return (
        Text(
            f"Their answers part on {len(parted)} of {len(examples)} examples.",
            f"{len(examples)} 个样本中有 {len(parted)} 个答案出现分歧。",
        ),
    )
