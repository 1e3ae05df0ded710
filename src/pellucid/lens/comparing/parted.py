"""Tables of answers: of every example of an input, and of the samples on which answers part."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.core.text import Text
from pellucid.lens.comparing.decided import Answered, incomparable, same
from pellucid.lens.comparing.words import some
from pellucid.results import Table

MOST = 100  # samples that are listed
_COLUMNS = {
    "example": Text("example", "样本"),
    "model": Text("model", "模型"),
    "answer": Text("answer", "答案"),
    "apart": Text("other answers than the first", "与第一个不同的答案"),
    "confidence": Text("confidence", "置信度"),
    "margin": Text("margin (logit)", "领先（logit）"),
}


def of_input(models: Sequence[Answered]) -> Table | None:
    """What every model answers to every example; at many places, the share in which it parts; None of one model."""
    if len(models) < 2 or not len(models[0].answers):
        return None
    apart = [None if incomparable(models[0], one) else ~same(models[0], one) for one in models]
    rows = [
        _answer(one, gaps, example)
        for example in range(len(models[0].answers))
        for one, gaps in zip(models, apart, strict=True)
    ]
    shown = [name for name in _COLUMNS if any(row[name] is not None for row in rows)]
    if len(models[0].answers) == 1:
        shown.remove("example")
    return Table(
        rows=tuple({name: row[name] for name in shown} for row in rows),
        columns={name: _COLUMNS[name] for name in shown},
        notes=_said(models, apart),
    )


def _answer(one: Answered, apart: np.ndarray | None, example: int) -> dict[str, Any]:
    held = one.answers[example] >= 0
    share = None if apart is None or one.unit is None else float(apart[example].sum() / held.sum())
    return {
        "example": str(example + 1),
        "model": one.name,
        "answer": one.called(int(one.answers[example, 0])) if one.unit is None else None,
        "apart": share,
        "confidence": float(one.confidences[example][held].mean()),
        "margin": float(one.margins[example][held].mean()),
    }


def _said(models: Sequence[Answered], apart: Sequence[np.ndarray | None]) -> tuple[Text, ...]:
    """On how many examples answers part; nothing where they cannot be compared, or one example has many."""
    gaps = [one for one in apart[1:] if one is not None]
    if len(gaps) < len(apart) - 1 or not gaps or any(one.unit is not None for one in models):
        return ()
    count, parted = len(gaps[0]), int(np.any(gaps, axis=0).any(1).sum())
    if not parted:
        alike = some(count, "example")
        return (Text(f"All of them answer x ({alike}) alike.", f"对 x（{count} 个样本）的答案全部相同。"),)
    if count == 1:
        return (Text("Their answers to x part.", "对 x 的答案出现分歧。"),)
    return (
        Text(
            f"Their answers to x part on {parted} of {some(count, 'example')}.",
            f"对 x 的 {count} 个样本，有 {parted} 个答案出现分歧。",
        ),
    )


def parting(models: Sequence[Answered], ordinals: np.ndarray, source: Any) -> Table | None:
    """The samples on which any of the others parts from the first; None where there are none.

    Those stand first on which they are surest; of many answers to a sample, those on which most of these part.
    """
    others = [one for one in models[1:] if incomparable(models[0], one) is None]
    if not others:
        return None
    gaps = [(~same(models[0], one)).sum(1) for one in others]
    at = np.flatnonzero(np.any(gaps, axis=0))
    if not at.size:
        return None
    one_each = models[0].unit is None
    sure = np.mean([one.confidences[:, 0] for one in models], axis=0)
    rank = sure if one_each else np.sum(gaps, axis=0) / (models[0].answers >= 0).sum(1)
    at = at[np.argsort(-rank[at], kind="stable")]
    shown = {int(i): source.name(int(ordinals[i])) for i in at[:MOST]}
    rows, columns = _answers(models, shown) if one_each else _shares(models[0], others, shown)
    notes = (
        (Text(f"The first {MOST} of {len(at):,} samples.", f"列出 {len(at):,} 个样本中的前 {MOST} 个。"),)
        if len(at) > MOST
        else ()
    )
    return Table(rows=tuple(rows), columns=columns, notes=notes, facts={"parted": len(at), "samples": len(ordinals)})


_Shown = tuple[list[dict[str, Any]], dict[str, Text]]


def _answers(models: Sequence[Answered], shown: Mapping[int, str]) -> _Shown:
    """What each model answers, and who is right."""
    columns = {"sample": Text("sample", "样本"), "label": Text("label", "标签")}
    for number, one in enumerate(models):
        columns[f"answer {number}"] = Text(one.name)
        columns[f"confidence {number}"] = Text("confidence", "置信度")
    columns["right"] = Text("right", "谁对")
    rows = [_parted(models, i, name) for i, name in shown.items()]
    if not any((one.truth >= 0).any() for one in models):
        columns = {name: words for name, words in columns.items() if name not in ("label", "right")}
    return [{name: row[name] for name in columns} for row in rows], columns


def _parted(models: Sequence[Answered], i: int, name: str) -> dict[str, Any]:
    knowing = [one for one in models if one.truth[i] >= 0]
    row: dict[str, Any] = {"sample": name, "label": knowing[0].called(int(knowing[0].truth[i])) if knowing else None}
    for number, one in enumerate(models):
        row[f"answer {number}"] = one.called(int(one.answers[i, 0]))
        row[f"confidence {number}"] = float(one.confidences[i, 0])
    row["right"] = ", ".join(one.name for one in knowing if one.right[i]) or "—"
    return row


def _shares(first: Answered, others: Sequence[Answered], shown: Mapping[int, str]) -> _Shown:
    """In how many of the places of a sample each part from the first."""
    columns = {"sample": Text("sample", "样本"), "places": Text("answers", "答案数")}
    columns |= {f"apart {k}": Text(f"{one.name} parts", f"{one.name} 不同") for k, one in enumerate(others)}
    rows = [
        {
            "sample": name,
            "places": int((first.answers[i] >= 0).sum()),
            **{f"apart {k}": float((~same(first, one))[i].sum()) for k, one in enumerate(others)},
        }
        for i, name in shown.items()
    ]
    return rows, columns
