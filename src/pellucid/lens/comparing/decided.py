"""What several models answer to the same samples, and how often their answers part."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.core.text import Text
from pellucid.lens.comparing.answers import POSITIONS
from pellucid.lens.comparing.observed import Observed
from pellucid.lens.comparing.words import some
from pellucid.results import Matrix, spell

_UNITS = {"tokens": Text("tokens", "词元"), "grid": Text("places", "位置")}


@dataclass(frozen=True, eq=False)
class Answered:
    """What one model answers to the same samples as all others.

    Args:
        name: of the model.
        labels: names of its classes, empty if they are not known.
        classes: how many there are.
        positions: `(sample,)` at how many places each is answered.
        answers, confidences, margins: `(sample, position)`; answers are -1 where there is none.
        truth: `(sample,)` the right class in its own numbering, -1 where it is not known.
        unit: what positions are; None where a sample has one answer.
        perplexity: of the tokens that follow, NaN where it does not tell them.
        known: whether the numbers are known to be scores of classes or tokens.
        numbered: the model by whose numbers the data are labelled, where those are others than its own.
    """

    name: str
    labels: tuple[str, ...]
    classes: int
    positions: np.ndarray
    answers: np.ndarray
    confidences: np.ndarray
    margins: np.ndarray
    truth: np.ndarray
    unit: Text | None = None
    perplexity: float = float("nan")
    known: bool = True
    numbered: str = ""

    @property
    def right(self) -> np.ndarray:
        """`(sample,)` whether the answer is the right one."""
        return self.answers[:, 0] == self.truth

    @property
    def accuracy(self) -> float:
        """Share of right answers among the samples that have a label; NaN if none has."""
        known = self.truth >= 0
        return float(self.right[known].mean()) if known.any() else float("nan")

    @property
    def confidence(self) -> float:
        """Its mean; NaN if there are no samples."""
        return float(self.confidences[self.answers >= 0].mean()) if len(self.answers) else float("nan")

    @property
    def margin(self) -> float:
        """Its mean; NaN if there are no samples."""
        return float(self.margins[self.answers >= 0].mean()) if len(self.answers) else float("nan")

    def called(self, answer: int) -> str | Text:
        """The name of a class."""
        if answer < len(self.labels):
            return self.labels[answer]
        return Text(f"class {answer}", f"类别 {answer}") if self.known else Text(f"output {answer}", f"输出 {answer}")


def answered(models: Sequence[Observed]) -> tuple[list[Answered], np.ndarray]:
    """The answers of every model that has any, to the samples that all of them answered; and their ordinals."""
    having = [(one, one.answers) for one in models if one.answers is not None]
    if not having:
        return [], np.zeros(0, np.int64)
    common = having[0][1]["ordinals"]
    for _, found in having[1:]:
        common = np.intersect1d(common, found["ordinals"])
    names, of = _numbering(having)
    return [_of(one, found, common, names, of) for one, found in having], common


def _numbering(having: Sequence[tuple[Observed, Mapping[str, Any]]]) -> tuple[tuple[str, ...], str]:
    """Names of the classes in whose order the data are labelled, and the model they are of, where they are of one.

    Those of the data; where labels are mere numbers, those of the first model with names.
    """
    named = [one for one, found in having if len(one.lens.labels) == int(found["classes"])]
    own = tuple(having[0][1]["source"].classes)
    return (own, "") if own or not named else (tuple(named[0].lens.labels), named[0].name)


def _truth(raw: np.ndarray, names: Sequence[str], labels: Sequence[str], classes: int) -> np.ndarray:
    """Labels, which are in the order of `names`, in a model's own numbers; -1 where it has no such class."""
    if names and labels and raw.max(initial=-1) < len(names):
        places = {name: place for place, name in reversed(list(enumerate(_plain(labels))))}
        found = np.array([places.get(name, -1) for name in _plain(names)])
        moved = (found >= 0) & (found != np.arange(len(found)))
        if _plain(names) != _plain(labels) and (moved.any() or (len(names) != classes and (found >= 0).any())):
            return np.where(raw >= 0, found[raw], -1)
    if len(names) not in (0, classes) or (raw >= classes).any():
        return np.full_like(raw, -1)
    return raw


def _of(one: Observed, found: Mapping[str, Any], common: np.ndarray, names: tuple[str, ...], of: str) -> Answered:
    at = np.searchsorted(found["ordinals"], common)
    labels, classes, form = one.lens.labels, int(found["classes"]), found["form"]
    raw = np.asarray(found["labels"])[at]
    named, tokens = len(labels) == classes, form.of_tokens(one.lens)
    truth = _truth(raw, names, labels if named else (), classes) if form.kind == "one" else np.full_like(raw, -1)
    followed, surprise = (np.asarray(found[name])[at].sum() for name in ("followed", "surprise"))
    return Answered(
        one.name,
        labels if named else (),
        classes,
        *(np.asarray(found[name])[at] for name in ("positions", "answers", "confidences", "margins")),
        truth=truth,
        unit=_UNITS.get(form.kind),
        perplexity=float(np.exp(surprise / followed)) if tokens and form.causal and followed else float("nan"),
        known=named or tokens or bool((truth >= 0).any()),
        numbered=of if (truth != raw).any() and (truth >= 0).any() else "",
    )


def incomparable(one: Answered, two: Answered) -> Text | None:
    """Why answers of both do not mean the same; None where they do."""
    if one.unit != two.unit or not np.array_equal(one.positions, two.positions):
        return Text("have outputs of other sizes, whose places do not fit together", "的输出尺寸不同，位置无法对应")
    if not (one.labels and two.labels):
        if one.classes == two.classes:
            return None
        return Text("have other classes, and no names by which to compare them", "的类别不同，且没有可用于比较的名称")
    if set(_plain(one.labels)) & set(_plain(two.labels)):
        return None
    return Text("have no class in common", "没有共同的类别")


def same(one: Answered, two: Answered) -> np.ndarray:
    """Where both answer alike, `(sample, position)`; true where there is no position."""
    width = min(one.answers.shape[1], two.answers.shape[1])
    first, second = one.answers[:, :width], two.answers[:, :width]
    if one.labels and two.labels and one.labels != two.labels:
        names = dict.fromkeys((*_plain(one.labels), *_plain(two.labels)))
        numbers = {name: number for number, name in enumerate(names)}
        first, second = (
            np.where(given >= 0, np.array([numbers[name] for name in _plain(labels)])[given], -1)
            for given, labels in ((first, one.labels), (second, two.labels))
        )
    return first == second


def _plain(labels: Sequence[str]) -> list[str]:
    """Names as they are compared."""
    return [name.casefold().replace("_", " ").strip() for name in labels]


def share(one: Answered, two: Answered) -> float:
    """Of all answers, how many are alike; NaN where they cannot be compared."""
    if incomparable(one, two) is not None:
        return float("nan")
    count = int((one.answers >= 0).sum())
    return 1 - int((~same(one, two)).sum()) / count if count else float("nan")


def agreement(models: Sequence[Answered]) -> Matrix:
    """The share of answers in which two models are alike; NaN where their classes cannot be compared."""
    names = tuple(one.name for one in models)
    unit = models[0].unit or Text("samples", "样本")
    return Matrix(
        values=np.array([[share(a, b) for b in models] for a in models]),
        axes=("model", "model"),
        rows=names,
        columns=names,
        limits=(0.0, 1.0),
        unit=Text(f"share of {unit.en}", f"{unit.zh}比例"),
        notes=(*(_agreed(models[0], other) for other in models[1:]), *_spread(models[0])),
        facts={"samples": len(models[0].answers)},
    )


def numbered(models: Sequence[Answered]) -> tuple[Text, ...]:
    """Whose numbers labels are, where models number classes in other ways."""
    others = [one for one in models if one.numbered]
    if not others:
        return ()
    first, names = others[0].numbered, [one.name for one in others]
    return (
        Text(
            f"Labels are numbers: they are taken as the classes of {first}, and for {', '.join(names)} by their names.",
            f"标签为数字：按 {first} 的类别编号理解，对 {'、'.join(names)} 则按类别名称对应。",
        ),
    )


def _spread(one: Answered) -> tuple[Text, ...]:
    """Whether some places alone were looked at."""
    if one.unit is None or not (one.positions > POSITIONS).any():
        return ()
    return (
        Text(
            f"Of each sample at most {POSITIONS} evenly spread {one.unit} count.",
            f"每个样本至多取 {POSITIONS} 个均匀分布的{one.unit.zh}。",
            aside=True,
        ),
    )


def _agreed(one: Answered, two: Answered) -> Text:
    why = incomparable(one, two)
    if why is not None:
        return Text(f"{one.name} and {two.name} {why.en}.", f"{one.name} 与 {two.name} {why.zh}。")
    count = int((one.answers >= 0).sum())
    parted, among = int((~same(one, two)).sum()), _among(one, count)
    if not parted:
        return Text(
            f"{two.name} answers all {among.en} as {one.name} does.",
            f"{two.name} 对全部 {among.zh}的答案都与 {one.name} 相同。",
        )
    alike, right = spell.percent(1 - parted / count), _right(one, two)
    return Text(
        f"{two.name} and {one.name} answer alike on {alike} of {among.en} and part on {parted:,}{right.en}.",
        f"{two.name} 与 {one.name} 在 {among.zh}中有 {alike} 答案相同，{parted:,} 个不同{right.zh}。",
    )


def _among(one: Answered, count: int) -> Text:
    """How many answers there are, in words."""
    samples = len(one.answers)
    few = Text(some(samples, "sample"), f"{samples:,} 个样本")
    if one.unit is None:
        return few
    return Text(f"{count:,} {one.unit.en} of {few.en}", f"{few.zh}的 {count:,} 个{one.unit.zh}")


def _right(one: Answered, two: Answered) -> Text:
    """Who is right where they part."""
    known = (one.truth >= 0) & (two.truth >= 0) & ~same(one, two).all(1)
    if not known.any():
        return Text("")
    first, second = int((one.right & known).sum()), int((two.right & known).sum())
    neither = int((known & ~one.right & ~two.right).sum())
    return Text(
        f"; there {one.name} is right {some(first, 'time')}, {two.name} {some(second, 'time')}, "
        f"neither {some(neither, 'time')}",
        f"；其中 {one.name} 对 {first:,} 次，{two.name} 对 {second:,} 次，都错 {neither:,} 次",
    )
