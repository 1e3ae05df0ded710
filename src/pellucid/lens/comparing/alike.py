"""How alike the layers of two models are: their pairs, CKA, and its course along the depth."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.core.text import Text
from pellucid.lens.comparing.held import Layer
from pellucid.lens.comparing.matching import Matching, Pair
from pellucid.lens.comparing.observed import Observed
from pellucid.lens.comparing.words import some
from pellucid.results import Matrix, Series, Table, spell

APART = 1e-6  # below 1, from where on layers are said to differ: more than rounding does
_COLUMNS = {
    "how": Text("paired by", "配对依据"),
    "shape": Text("same shape", "形状相同"),
    "alignment": Text("CKA", "CKA"),
    "cosine": Text("cosine of the weights", "权重余弦"),
    "score": Text("score", "得分"),
}
_BY = {True: Text("name", "名称"), False: Text("likeness", "相似度")}


def pairs(found: Matching, ones: Sequence[Layer], twos: Sequence[Layer], names: tuple[str, str]) -> Table:
    """Every layer of both beside its partner."""
    partner = {pair.one: pair for pair in found.pairs}
    rows = [_row(layer, partner.get(i), twos) for i, layer in enumerate(ones)]
    rows += [{"one": None, "two": twos[j].called, **dict.fromkeys(_COLUMNS)} for j in found.alone[1]]
    return Table(
        rows=tuple(rows),
        columns={"one": Text(names[0]), "two": Text(names[1]), **_COLUMNS},
        notes=(_said(found, len(ones), len(twos), names), *_estimate(found)),
        facts={"paired": len(found.pairs), "samples": found.samples},
    )


def _row(layer: Layer, pair: Pair | None, twos: Sequence[Layer]) -> dict[str, Any]:
    if pair is None:
        return {"one": layer.called, "two": None, **dict.fromkeys(_COLUMNS)}
    return {
        "one": layer.called,
        "two": twos[pair.two].called,
        "how": _BY[pair.named],
        "shape": pair.same_shape,
        "alignment": _known(pair.alignment),
        "cosine": _known(pair.cosine),
        "score": pair.score,
    }


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _said(found: Matching, one: int, two: int, names: tuple[str, str]) -> Text:
    count, named = len(found.pairs), sum(pair.named for pair in found.pairs)
    if not count:
        return Text(
            f"{names[1]} beside {names[0]}: no pairs among {two} and {some(one, 'layer')}.",
            f"{names[1]} 与 {names[0]}：{two} 层与 {one} 层之间没有配对。",
        )
    low = min(pair.score for pair in found.pairs)
    return Text(
        f"{names[1]} beside {names[0]}: {some(count, 'pair')} among {two} and {some(one, 'layer')}, "
        f"{named} of them by name and {count - named} by likeness; the lowest score is {spell.number(low)}.",
        f"{names[1]} 与 {names[0]}：{two} 层与 {one} 层配成 {count} 对，"
        f"其中按名称 {named} 对，按相似度 {count - named} 对；最低得分 {spell.number(low)}。",
    )


def _estimate(found: Matching) -> tuple[Text, ...]:
    if found.alignment is None:
        return (
            Text(
                "Only shapes, weights and names were compared: what layers compute is known from four "
                "samples on whose values are finite.",
                "只比较了形状、权重与名称：至少四个样本且数值有限，才能比较各层的计算结果。",
            ),
        )
    return (
        Text(
            f"CKA is the unbiased estimate from {found.samples} samples, each layer's mean over positions.",
            f"CKA 为 {found.samples} 个样本的无偏估计，每层取各位置的均值。",
            aside=True,
        ),
    )


def matrix(found: Matching, names: tuple[str, str]) -> Matrix | None:
    """CKA of every layer with every layer; None where it is not known."""
    if found.alignment is None:
        return None
    clear = np.nan_to_num(found.alignment, nan=-1.0)
    best = [found.columns[j] for j in clear.argmax(1)]
    return Matrix(
        values=found.alignment.astype(np.float32),
        axes=("layer", "layer"),
        rows=found.rows,
        columns=found.columns,
        panels=(Text(f"{names[0]} ↓   {names[1]} →"),),
        unit="CKA",
        limits=(0.0, 1.0),
        notes=(
            Text(f"Down: {names[0]}; across: {names[1]}.", f"纵向：{names[0]}；横向：{names[1]}。", aside=True),
            *_estimate(found),
        ),
        facts={"samples": found.samples, "nearest": dict(zip(found.rows, best, strict=True))},
    )


def broken(one: Observed) -> tuple[Text, ...]:
    """From which layer on a model computes values that are not finite."""
    held = [layer for layer in one.layers if one.lost.get(layer.path)]
    if not held:
        return ()
    first = held[0]
    lost = one.lost[first.path]
    every = lost + len(one.vectors[first.path][0])
    return (
        Text(
            f"{one.name}: the values of {some(len(held), 'layer')} are not finite, first those of "
            f"'{first.called}', for {lost:,} of {some(every, 'sample')}.",
            f"{one.name}：{len(held)} 层的数值不是有限值，最早是“{first.called}”，{every:,} 个样本中有 {lost:,} 个。",
        ),
    )


def depth(
    founds: Sequence[Matching], layers: Sequence[Sequence[Layer]], names: Sequence[str], lost: Sequence[Text] = ()
) -> Series | None:
    """CKA of each layer of the first with its partner in every other; `lost` says what is not finite."""
    known = [(number, one) for number, one in enumerate(founds, 1) if one.alignment is not None]
    if not known:
        return None
    labels = known[0][1].rows
    curves: dict[str, np.ndarray] = {}
    notes: list[Text] = []
    for number, found in known:
        at = {layers[0][pair.one].called: pair.alignment for pair in found.pairs}
        curve = np.array([at.get(path, float("nan")) for path in labels])
        curves[names[number]] = curve
        notes.append(_parting(curve, labels, names[0], names[number]))
    return Series(
        curves=curves,
        labels=labels,
        unit="CKA",
        position_unit=Text(f"layer of {names[0]}", f"{names[0]} 的层"),
        notes=(*lost, *notes, *_below(curves, known[0][1].samples), *_estimate(known[0][1])),
    )


def _below(curves: Mapping[str, np.ndarray], samples: int) -> tuple[Text, ...]:
    """What an estimate below 0 means."""
    if not any((curve[np.isfinite(curve)] < 0).any() for curve in curves.values()):
        return ()
    return (
        Text(
            f"CKA below 0 is what the estimate does with few samples ({samples} here): no likeness is found, and "
            "no opposite.",
            f"CKA 低于 0 是样本较少（此处 {samples} 个）时估计的波动：表示未发现相似，而非相反。",
        ),
    )


def _parting(curve: np.ndarray, labels: Sequence[str], first: str, other: str) -> Text:
    apart = np.flatnonzero(1 - curve > APART)
    if not apart.size:
        if np.isfinite(curve).all():
            return Text(
                f"{other}: every layer sees the samples as that of {first} does, up to shift, rotation and scale.",
                f"{other}：每层对样本的看法都与 {first} 相同（不计平移、旋转与缩放）。",
            )
        compared = int(np.isfinite(curve).sum())
        return Text(
            f"{other}: {compared} of {some(len(curve), 'layer')} can be compared with {first}, "
            f"and there they are alike up to shift, rotation and scale.",
            f"{other}：{len(curve)} 层中有 {compared} 层可与 {first} 比较，这些层相同（不计平移、旋转与缩放）。",
        )
    begin, lowest = int(apart[0]), int(np.nanargmin(curve))
    lead = (
        Text("they part from the first layer on", "从第一层起便分歧")
        if begin == 0
        else Text(
            f"alike up to '{labels[begin - 1]}'; from '{labels[begin]}' on they part",
            f"到“{labels[begin - 1]}”为止相同，从“{labels[begin]}”起分歧",
        )
    )
    low = spell.number(float(curve[lowest]))
    low = low if low != "1" else f"1 − {spell.number(1 - float(curve[lowest]), 1)}"
    return Text(
        f"{other} beside {first}: {lead.en}; CKA is lowest, {low}, at '{labels[lowest]}'.",
        f"{other} 与 {first}：{lead.zh}；CKA 在“{labels[lowest]}”最低，为 {low}。",
    )
