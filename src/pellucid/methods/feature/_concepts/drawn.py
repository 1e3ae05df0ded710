"""Concepts as a gallery, as bars and as tables, with what is to be said of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from pellucid.core.provenance import TargetInfo
from pellucid.core.text import Text
from pellucid.engine.passes import Spot
from pellucid.engine.sweeps.gather import Source
from pellucid.engine.sweeps.request import Gathered, Swept
from pellucid.methods.feature._concepts.chosen import Chosen
from pellucid.methods.feature._concepts.judged import Judged
from pellucid.methods.feature._concepts.shown import Tile
from pellucid.methods.feature._regions import Region
from pellucid.methods.feature._regions_drawn import COLUMNS
from pellucid.methods.feature._regions_drawn import table as table_of_regions
from pellucid.results import Gallery, Series, Table, spell
from pellucid.results.array import as_array

_FEW, _POOR, _SMALL = 5, 0.5, 0.005
_CLEAR = 0.05  # of the sum of the indices above 1
_COLUMNS = {
    "concept": Text("concept", "概念"),
    "total": Text("importance (total Sobol index)", "重要性（总 Sobol 指数）"),
    "error": Text("standard error", "标准误"),
    "alone": Text("by itself (first-order index)", "单独作用（一阶指数）"),
    "drop": Text("fall of the score without it", "去掉后得分的下降"),
    "held": Text("share of the coefficients", "系数占比"),
    "samples": Text("samples that hold it", "含有它的样本数"),
}
_PIECES = COLUMNS | {"channel": Text("concept", "概念"), "value": Text("coefficient", "系数")}
_COEFFICIENT = Text("coefficient", "系数")


def gallery(
    spot: Spot, found: Judged, tiles: Sequence[Tile], info: TargetInfo, said: Sequence[Text], facts: dict[str, Any]
) -> Gallery:
    """The pieces of each concept and where it lies."""
    return Gallery(
        values=as_array(found.bank.parts.float()),
        axes=("concept", "channel"),
        images=tuple(one.image for one in tiles),
        captions=tuple(one.caption for one in tiles),
        groups=tuple(_heading(found, one.concept) for one in tiles),
        beneath=tuple(one.beneath for one in tiles),
        unit=_COEFFICIENT,
        layer=spot.address,
        targets=(info,),
        notes=tuple(said),
        facts=facts,
    )


def _heading(found: Judged, concept: int) -> Text:
    size, error = float(found.total[concept]), float(found.error[concept])
    about = "" if not np.isfinite(error) else f" ± {error:.2f}" if error >= _SMALL else " ± < 0.01"
    told = "< 0.01" if size < _SMALL else f"{size:.2f}{about}"
    return Text(f"concept {concept}: importance {told}", f"概念 {concept}：重要性 {told}")


def bars(spot: Spot, found: Judged, info: TargetInfo, said: Sequence[Text], facts: dict[str, Any]) -> Series:
    """The importance of each concept."""
    return Series(
        curves={"total": as_array(found.total.float()), "alone": as_array(found.alone.float())},
        names={
            "total": Text("total index", "总指数"),
            "alone": Text("first-order index (by itself)", "一阶指数（单独作用）"),
        },
        labels=tuple(f"{i}" for i in range(len(found.total))),
        position_unit=Text("concept", "概念"),
        unit=Text("share of the variance of the score", "得分方差的占比"),
        style="bar",
        layer=spot.address,
        targets=(info,),
        notes=tuple(said),
        facts=facts,
    )


def table(spot: Spot, found: Judged, info: TargetInfo, said: Sequence[Text], facts: dict[str, Any]) -> Table:
    """The same with all that is known of each concept."""
    sums = torch.stack([one.coefficients.sum(0) for one in found.each]).sum(0)
    whole = float(sums.sum()) or 1.0
    rows = tuple(
        {
            "concept": f"{i}",
            "total": float(found.total[i]),
            "error": float(found.error[i]) if np.isfinite(float(found.error[i])) else None,
            "alone": float(found.alone[i]),
            "drop": float(found.drop[i]),
            "held": float(sums[i]) / whole,
            "samples": sum(bool(one.coefficients[:, i].any()) for one in found.each),
        }
        for i in range(len(found.total))
    )
    return Table(rows=rows, columns=_COLUMNS, layer=spot.address, targets=(info,), notes=tuple(said), facts=facts)


def pieces_table(
    data: Source, swept: Swept, spot: Spot, found: Judged, regions: Sequence[Region], info: TargetInfo
) -> Table:
    """The pieces that hold most of each concept."""
    one = Gathered(spot.place, spot.address, {}, tuple(spot.value.shape), spot.layout, spot.event)
    made = table_of_regions(data, swept, one, regions, _PIECES).with_(targets=(info,))
    return made.with_(notes=(_crops(found), *swept.notes)) if found.pieces.boxes else made


def facts_of(found: Judged) -> dict[str, Any]:
    """Numbers of all results."""
    clean, copied = found.scores
    return {
        "sum of the total indices": found.acting,
        "rebuilt of the pieces": found.bank.rebuilt,
        "rebuilt of the samples": found.rebuilt,
        "score": clean,
        "score of what is rebuilt": copied,
        "pieces": len(found.pieces.vectors),
        "samples of the class": len(found.each),
        "rows behind the layer": sum(one.rows for one in found.each),
    }


def said_of(found: Judged, chosen: Chosen, info: TargetInfo, spot: Spot) -> tuple[Text, ...]:
    """What the reader must know."""
    pieces = found.pieces
    made = _crops(found) if pieces.boxes else _positions(found)
    notes = [_of_class(chosen, info), made, _fidelity(found, info), _sum(found)]
    if found.bank.signed:
        notes.append(_SIGNED)
    if spot.layout is not None and spot.layout.prefix:
        notes.append(_PREFIX)
    if not found.bank.converged:
        notes.append(_RESTLESS)
    if bool(((found.alone < -_CLEAR) | (found.alone > found.total + _CLEAR)).any()):
        notes.append(_ROUGH)
    if found.flat:
        notes.append(
            Text(
                f"In {found.flat} of {len(found.each)} samples masking concepts does not move the score; they do not count for the importance.",
                f"{len(found.each)} 个样本中有 {found.flat} 个，遮蔽概念不改变得分；它们不计入重要性。",
            )
        )
    if pieces.broken:
        notes.append(
            Text(
                f"{pieces.broken:,} pieces hold NaN or infinite values and are left out.",
                f"{pieces.broken:,} 个片段含 NaN 或无穷值，已略去。",
            )
        )
    return tuple(notes)


def _of_class(chosen: Chosen, info: TargetInfo) -> Text:
    used, name = len(chosen.ordinals), info.words
    if chosen.number is None:
        return Text(f"Explained: the output, over {used} samples.", f"解释对象：输出，共 {used} 个样本。", aside=True)
    why, why_zh = ("", "") if chosen.asked else _most(chosen)
    part = "" if used == chosen.predicted else f", of which {used} are used"
    part_zh = "" if used == chosen.predicted else f"，使用其中 {used} 个"
    few = used < _FEW
    more, more_zh = (
        (
            " Concepts of so few samples describe these samples, not the class.",
            "样本如此之少，概念描述的是这些样本而非该类别。",
        )
        if few
        else ("", "")
    )
    return Text(
        f"The network predicts {name.en} in {chosen.predicted} of {chosen.read} samples{why}{part}.{more}",
        f"网络将 {chosen.read} 个样本中的 {chosen.predicted} 个预测为 {name.say('zh')}{why_zh}{part_zh}。{more_zh}",
        aside=not few,
    )


def _most(chosen: Chosen) -> tuple[str, str]:
    """Why this class, where none was asked for."""
    if chosen.alike > 1:
        return (
            f", the first of {chosen.alike} classes that it predicts most",
            f"（预测最多的 {chosen.alike} 个类别之首）",
        )
    return ", the class that it predicts most", "（预测最多的一类）"


def _crops(found: Judged) -> Text:
    rows, columns = (stop - start for start, stop in found.pieces.boxes[0])
    count = len(found.pieces.vectors)
    return Text(
        f"Made of {count:,} crops of {rows} × {columns}, each enlarged to the size of the input; of a crop the coefficient is that of its mean.",
        f"由 {count:,} 个 {rows} × {columns} 的裁块得到，每块放大到输入大小；裁块的系数取自其平均。",
        aside=True,
    )


def _positions(found: Judged) -> Text:
    count = len(found.pieces.vectors)
    return Text(
        f"Made of the {count:,} positions of the layer in these samples, not of crops.",
        f"由这些样本在该层的 {count:,} 个位置得到，未使用裁块。",
        aside=True,
    )


def _fidelity(found: Judged, info: TargetInfo) -> Text:
    clean, copied = (spell.number(one, 3) for one in found.scores)
    share, kept = spell.percent(max(0.0, found.rebuilt)), found.kept
    stays, stays_zh = (
        ("", "")
        if kept is None
        else (
            f", and the predicted class stays in {kept[0]} of {kept[1]} samples",
            f"，{kept[1]} 个样本中有 {kept[0]} 个预测类别不变",
        )
    )
    poor = found.rebuilt < _POOR or (kept is not None and kept[0] < _POOR * kept[1])
    less, less_zh = (
        (
            " So little is rebuilt that the importances are those of a part of the layer only.",
            "重建得很少，重要性只针对该层的这一部分。",
        )
        if poor
        else ("", "")
    )
    return Text(
        f"The concepts rebuild {share} of the squared layer. With what they rebuild in its place the {_score(info)} is {copied} on average instead of {clean}{stays}.{less}",
        f"这些概念重建了该层平方和的 {share}。以重建值代替该层时，{_score_zh(info)}平均为 {copied}，原为 {clean}{stays_zh}。{less_zh}",
        aside=not poor,
    )


def _score(info: TargetInfo) -> str:
    return info.unit if info.unit in ("logit", "probability") else "score"


def _score_zh(info: TargetInfo) -> str:
    return {"logit": "logit ", "probability": "概率"}.get(info.unit, "得分")


def _sum(found: Judged) -> Text:
    total = spell.number(found.acting, 3)
    if found.acting - 1 > max(2 * found.acting_error, _CLEAR):
        return Text(
            f"The importances sum to {total}: what is above 1 comes of concepts that act together.",
            f"各重要性之和为 {total}：超出 1 的部分来自概念的共同作用。",
            aside=True,
        )
    error = f" ± {spell.number(found.acting_error, 2)}" if np.isfinite(found.acting_error) else ""
    return Text(
        f"The importances sum to {total}{error}, not clearly above 1: no sign that concepts act together.",
        f"各重要性之和为 {total}{error}，未明显超出 1：看不出概念之间有共同作用。",
        aside=True,
    )


_SIGNED = Text(
    "The layer has negative values, which the paper's layers have not: what is positive and what is negative is factored side by side, so a concept may lower channels too.",
    "该层含负值（论文所用的层没有）：正部与负部并列分解，因此概念也可能压低某些通道。",
    aside=True,
)
_PREFIX = Text(
    "Tokens that stand for no place (a class token) are left as they are.",
    "不对应位置的词元（如类别词元）保持原样。",
    aside=True,
)
_ROUGH = Text(
    "Some first-order indices are negative or above their totals, which only the error of few masks can make: more masks (masks=) tell them better.",
    "有的一阶指数为负或大于其总指数，这只能是掩码过少带来的误差：增加掩码（masks=）可使其更准。",
)
_RESTLESS = Text(
    "The factorization had not come to rest when it was stopped; more samples or fewer concepts may help.",
    "分解在达到最大迭代次数时仍未收敛；增加样本或减少概念或许有用。",
)
