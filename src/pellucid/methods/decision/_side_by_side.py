"""Maps of several methods for several answers, drawn on one scale and compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pellucid.core.errors import NotApplicable
from pellucid.core.provenance import TargetInfo
from pellucid.core.text import Text
from pellucid.inputs.inputs import Inputs
from pellucid.ops.likeness import overlap, rank_correlation, shares
from pellucid.registry import View
from pellucid.results import Attribution, Gallery, Matrix, spell
from pellucid.results.base import Base
from pellucid.results.resample import resample

ALIKE, TOLD = 0.8, 0.01
_AXES = {1: ("cell",), 2: ("row", "column"), 3: ("slice", "row", "column")}


@dataclass(frozen=True)
class Answer:
    """A target and its maps.

    Args:
        targets: one per example.
        maps: `(example, method, *cells)`, absolute values summing to 1.
    """

    targets: tuple[TargetInfo, ...]
    maps: Tensor


def answer_of(row: Sequence[Attribution], cells: int) -> Answer:
    """What several methods gave for one answer, on the same cells.

    Raises:
        NotApplicable: none of them has a target.
    """
    targets = next((one.targets for one in row if one.targets), ())
    if not targets:
        raise NotApplicable(
            Text("none of them explains an answer", "其中没有方法解释某个答案"),
            hint=Text("agreement(of=(...)) takes others", "agreement(of=(...)) 可选用其他方法"),
        )
    maps = [shares(torch.from_numpy(one.heat.copy()), _cells(one, cells)) for one in row]
    return Answer(targets, torch.stack(maps, 1))


def _cells(result: Attribution, cells: int) -> int:
    """Along the longest axis: all, where they are tokens or features."""
    one_by_one = result.base is not None and result.base.kind in ("tokens", "features")
    return int(np.max(result.heat.shape[1:])) if one_by_one else cells


def tiles_of(
    x: Inputs,
    views: Sequence[View],
    answers: Sequence[Answer],
    given: Sequence[Attribution],
    examples: int,
    missing: Sequence[tuple[str, Text]],
) -> Gallery:
    """A row of tiles for each answer of each drawn example.

    Args:
        given: what the methods gave for the first answer: the picture beneath, and what they say of themselves.
    """
    base = given[0].base
    values = np.stack([answer.maps.numpy() for answer in answers], 1)
    images: list[np.ndarray] = []
    captions: list[Text] = []
    groups: list[Text] = []
    beneath: list[np.ndarray | None] = []
    for example in range(min(examples, x.size)):
        for k, answer in enumerate(answers):
            heading = _heading(answer.targets[example], k, example if examples > 1 else None)
            for i, one in enumerate(views):
                picture, under = _drawn(values[example, k, i] * 100, base, example)
                images.append(picture)
                beneath.append(under)
                captions.append(_caption(one, values[example, k, i]))
                groups.append(heading)
    common = _overlaps(values)
    rank = values.ndim - 3
    return Gallery(
        values=values.astype(np.float32),
        axes=("batch", "answer", "method", *_AXES[rank]),
        images=tuple(images),
        captions=tuple(captions),
        groups=tuple(groups),
        beneath=tuple(beneath) if any(one is not None for one in beneath) else (),
        signed=True,
        unit=Text("% of a map's total, per cell", "占各图总量的 %，每格"),
        targets=answers[0].targets,
        notes=_notes(views, common, missing, rival=len(answers) > 1) + _of_each(views, given),
        facts={"methods": tuple(repr(one) for one in views), "overlap": common},
    )


def compared(views: Sequence[View], answers: Sequence[Answer]) -> Matrix:
    """Rank correlations of the methods' maps, for each answer of each example."""
    batch, count = answers[0].maps.shape[:2]
    values = np.stack(
        [np.stack([rank_correlation(one.flatten(1).numpy()) for one in answer.maps]) for answer in answers], 1
    )
    apart = ~np.eye(count, dtype=bool)
    mean = [float(values[i, 0][apart].mean()) for i in range(batch)]
    names = tuple(one.name for one in views)
    panels = [
        Text(
            f"{answer.targets[i].label}{_number(i, batch)[0]}",
            f"{answer.targets[i].words.say('zh')}{_number(i, batch)[1]}",
        )
        for i in range(batch)
        for answer in answers
    ]
    return Matrix(
        values=values.astype(np.float32),
        axes=("batch", "answer", "method", "method"),
        rows=names,
        columns=names,
        panels=tuple(panels),
        signed=True,
        limits=(-1.0, 1.0),
        unit=Text("rank correlation", "等级相关系数"),
        targets=answers[0].targets,
        notes=(_said(mean[0], answers[0].targets[0]),),
        facts={"agreement": tuple(mean)},
    )


def _said(mean: float, target: TargetInfo) -> Text:
    degree = (
        ("agree well", "相当一致")
        if mean > 0.6
        else ("agree in part", "部分一致")
        if mean > 0.3
        else ("hardly agree", "很少一致")
    )
    return Text(
        f"On “{target.label}” the methods {degree[0]}: two of them correlate by {mean:.2f} on average.",
        f"对“{target.words.say('zh')}”，各方法{degree[1]}：两两相关系数平均为 {mean:.2f}。",
    )


def _number(example: int, batch: int) -> tuple[str, str]:
    return (f" (example {example + 1})", f"（样本 {example + 1}）") if batch > 1 else ("", "")


def _heading(target: TargetInfo, k: int, example: int | None) -> Text:
    sure = "" if target.probability is None else f" {spell.probability(target.probability)}"
    en, zh = ("The answer: ", "答案：") if k == 0 else ("Its rival: ", "竞争答案：")
    number = ("", "") if example is None else (f"Example {example + 1}. ", f"样本 {example + 1}。")
    return Text(f"{number[0]}{en}{target.label}{sure}", f"{number[1]}{zh}{target.words.say('zh')}{sure}")


def _caption(one: View, map_: np.ndarray) -> Text:
    title = one.spec.words.title
    against = float(-map_[map_ < 0].sum())
    if not map_.any():
        return Text(f"{title.say('en')}: empty", f"{title.say('zh')}：空")
    if against < TOLD:
        return title
    share = spell.percent(against)
    return Text(f"{title.say('en')}: {share} against", f"{title.say('zh')}：{share} 反对")


def _drawn(map_: np.ndarray, base: Base | None, example: int) -> tuple[np.ndarray, np.ndarray | None]:
    """A picture of a map, and what it is laid over: the image itself, if there is one."""
    if map_.ndim == 1:
        return map_[None], None
    plane = map_.sum(0) if map_.ndim == 3 else map_
    if base is None or base.kind != "image" or base.values is None:
        return plane, None
    picture = base.values[example]
    return resample(plane, picture.shape[:2]), picture


def _overlaps(values: np.ndarray) -> tuple[tuple[float, ...], ...]:
    if values.shape[1] < 2:
        return tuple(() for _ in values)
    return tuple(tuple(overlap(*both) for both in one.swapaxes(0, 1)) for one in values)


def _of_each(views: Sequence[View], given: Sequence[Attribution]) -> tuple[Text, ...]:
    """What each method says of its own map."""
    titles = [one.spec.words.title for one in views]
    return tuple(
        Text(f"{title.say('en')}: {note.say('en')}", f"{title.say('zh')}：{note.say('zh')}", aside=note.aside)
        for title, result in zip(titles, given, strict=True)
        for note in result.notes
    )


def _notes(
    views: Sequence[View], common: tuple[tuple[float, ...], ...], missing: Sequence[tuple[str, Text]], *, rival: bool
) -> tuple[Text, ...]:
    found: list[Text] = []
    if rival:
        told = [(one, share) for one, share in zip(views, common[0], strict=True) if share > ALIKE]
        if told:
            en = ", ".join(f"{one.spec.words.title.say('en')} ({spell.percent(share)})" for one, share in told)
            zh = "、".join(f"{one.spec.words.title.say('zh')}（{spell.percent(share)}）" for one, share in told)
            found.append(
                Text(
                    f"Much the same evidence for both answers, so hardly what decides between them: {en}.",
                    f"对两个答案给出的证据大体相同，因此难以说明是什么在二者间作出取舍：{zh}。",
                )
            )
    for name, why in missing:
        found.append(Text(f"{name} is left out: {why}.", f"略去 {name}：{why.say('zh')}。"))
    return tuple(found)
