"""By how much the outputs of several models differ, whatever they mean."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.core.text import Text
from pellucid.lens.comparing.observed import OUTPUTS, Observed
from pellucid.lens.comparing.words import some
from pellucid.results import Table, spell

SAME = 1e-5  # of the outputs' length: what the order of additions leaves
_COLUMNS = {
    "model": Text("model", "模型"),
    "numbers": Text("numbers", "数值个数"),
    "size": Text("‖ΔY‖ / ‖Y‖", "‖ΔY‖ / ‖Y‖"),
    "cosine": Text("mean cosine", "平均余弦"),
    "correlation": Text("correlation", "相关系数"),
    "samples": Text("samples", "样本数"),
}


def outputs(models: Sequence[Observed]) -> Table | None:
    """A row for each model, beside the first; None where no two have numbers for each sample."""
    first = models[0].vectors.get(OUTPUTS)
    others = [(one, one.vectors[OUTPUTS]) for one in models[1:] if OUTPUTS in one.vectors]
    if first is None or not others:
        return None
    rows: list[dict[str, Any]] = []
    notes = [
        _lost(one.name, one.lost[OUTPUTS], len(one.vectors[OUTPUTS][0])) for one in models if one.lost.get(OUTPUTS)
    ]
    for one, found in others:
        common, at, beside = np.intersect1d(first[0], found[0], assume_unique=True, return_indices=True)
        a, b = first[1][at].astype(np.float64), found[1][beside].astype(np.float64)
        figures = _figures(a, b) if len(common) and a.shape == b.shape else {}
        rows.append({"model": one.name, "numbers": b.shape[1], **_known(figures), "samples": len(common)})
        if figures or a.shape != b.shape:
            notes.append(_said(models[0].name, one.name, figures, (a.shape[1], b.shape[1])))
    shown = {name: words for name, words in _COLUMNS.items() if any(row.get(name) is not None for row in rows)}
    return Table(rows=tuple({name: row.get(name) for name in shown} for row in rows), columns=shown, notes=tuple(notes))


def _figures(one: np.ndarray, two: np.ndarray) -> dict[str, float]:
    """Relative difference; the mean cosine of vectors; of single numbers the correlation over samples."""
    whole, gap = float(np.linalg.norm(one)), float(np.linalg.norm(two - one))
    size = gap / whole if whole else 0.0 if gap == 0 else float("inf")
    if one.shape[1] > 1:
        return {"size": size, "cosine": _cosine(one, two)}
    return {"size": size, "correlation": _cosine((one - one.mean()).T, (two - two.mean()).T)}


def _cosine(one: np.ndarray, two: np.ndarray) -> float:
    """Mean over rows; NaN where one is nothing."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    return float(((one * two).sum(1) / np.where(lengths > 0, lengths, np.nan)).mean())


def _known(figures: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in figures.items() if not np.isnan(value)}


def _lost(name: str, lost: int, kept: int) -> Text:
    """Of how many samples the outputs are no numbers."""
    every = lost + kept
    return Text(
        f"{name}: its outputs are not finite for {lost:,} of {some(every, 'sample')}.",
        f"{name}：{every:,} 个样本中有 {lost:,} 个的输出不是有限值。",
    )


def _said(first: str, other: str, figures: dict[str, float], numbers: tuple[int, int]) -> Text:
    if not figures:
        return Text(
            f"{other}: its outputs ({some(numbers[1], 'number')}) are not compared with those of "
            f"{first} ({numbers[0]}).",
            f"{other}：其输出（{numbers[1]} 个数值）无法与 {first} 的输出（{numbers[0]} 个）相比。",
        )
    if figures["size"] <= SAME:
        return Text(f"{other}: no difference from {first} in its outputs.", f"{other}：输出与 {first} 没有差别。")
    size = spell.percent(figures["size"])
    like = [
        Text(f" ({words.en} {figures[name]:.3f})", f"（{words.zh} {figures[name]:.3f}）")
        for name, words in _COLUMNS.items()
        if name in ("cosine", "correlation") and not np.isnan(figures.get(name, np.nan))
    ]
    tail = like[0] if like else Text("")
    return Text(
        f"{other}: its outputs differ from those of {first} by {size} of their length{tail.en}.",
        f"{other}：输出与 {first} 相差其长度的 {size}{tail.zh}。",
    )
