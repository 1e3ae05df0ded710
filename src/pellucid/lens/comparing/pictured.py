"""The same picture of several models on one scale, and the differences."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.core.provenance import TargetInfo
from pellucid.core.text import Text
from pellucid.results import Attribution, Gallery, Matrix, Result, spell
from pellucid.results.resample import resample
from pellucid.results.scale import CLIP

EXAMPLES = 4
ALIKE = 0.02  # mean difference of two pictures in 0..1, below which both show the same part of an input
CELLS = 16  # along a side, of which both pictures are compared by their means
SAME = 1e-5  # of the scale, below which maps do not differ
FINER = 5  # times smaller than the maps, from where on differences have a scale of their own
_CUT = Text("The highest hundredth of all values saturates.", "所有数值中最高的百分之一已饱和。", aside=True)


def side_by_side(given: Sequence[Result], names: Sequence[str]) -> tuple[list[Result], Result | None]:
    """What one method gave of every model, on one scale; and how the others differ from the first.

    Attributions become one gallery, matrices of one shape share their limits; anything else stands as it is, and has no
    difference.
    """
    if all(isinstance(one, Attribution) and one.heat.ndim in (2, 3) and len(one.heat) for one in given):
        maps = [one for one in given if isinstance(one, Attribution)]
        return _of_maps(maps, names)
    if all(isinstance(one, Matrix) for one in given) and len({one.values.shape for one in given}) == 1:
        return _of_matrices([one for one in given if isinstance(one, Matrix)], names)
    return list(given), None


def _of_maps(maps: Sequence[Attribution], names: Sequence[str]) -> tuple[list[Result], Result | None]:
    count = min(EXAMPLES, *(len(one.heat) for one in maps))
    signed = any(one.heat_signed for one in maps)
    top = _top([one.heat for one in maps])
    limits = (-top, top) if signed else (0.0, top)
    shown = _gallery([(one, one.heat) for one in maps], names, count, signed=signed, limits=limits)
    most = max(float(np.abs(one.heat[np.isfinite(one.heat)]).max(initial=0.0)) for one in maps)
    cut = (_CUT,) if most > top else ()
    shown = shown.with_(
        notes=(*_targets(maps, names), *cut, *_notes(maps, names)), facts={"largest": _largest(maps, names)}
    )
    comparable = [_same_frame(maps[0], other, count) for other in maps[1:]]
    others = [k for k, fine in enumerate(comparable, 1) if fine]
    if not others:
        note = Text(
            "No difference is drawn: the models see other parts of the input, or at other sizes.",
            "未画差异图：各模型看到的输入部分或尺寸不同。",
        )
        return [shown.with_(notes=(*shown.notes, note))], None
    first = maps[0].heat
    gaps = [(maps[0], resample(maps[k].heat, first.shape[1:]) - first) for k in others]
    captions = [Text(f"{names[k]} − {names[0]}") for k in others]
    finest = max(float(np.abs(gap[np.isfinite(gap)]).max(initial=0.0)) for _, gap in gaps)
    finer = SAME * top < finest < top / FINER
    reach = finest if finer else top
    apart = _gallery(gaps, captions, count, signed=True, limits=(-reach, reach))
    likeness = {str(names[k]): _correlation(first, first + gap) for k, (_, gap) in zip(others, gaps, strict=True)}
    notes = tuple(
        _gap_said(str(names[k]), str(names[0]), gap, top, likeness[str(names[k])])
        for k, (_, gap) in zip(others, gaps, strict=True)
    )
    if finer:
        notes += (_finer(top / finest),)
    return [shown], apart.with_(notes=notes, facts={"correlation": likeness})


def _gallery(
    heats: Sequence[tuple[Attribution, np.ndarray]],
    names: Sequence[Text | str],
    count: int,
    *,
    signed: bool,
    limits: tuple[float, float],
) -> Gallery:
    images: list[np.ndarray] = []
    beneath: list[np.ndarray | None] = []
    captions: list[Text | str] = []
    groups: list[Text] = []
    for example in range(count):
        for (one, heat), name in zip(heats, names, strict=True):
            plane = heat[example][None] if heat.ndim == 2 else heat[example]
            picture = _beneath(one, example)
            images.append(plane if picture is None else resample(plane, picture.shape[:2]))
            beneath.append(picture)
            captions.append(name)
            groups.append(Text(f"Example {example + 1}", f"样本 {example + 1}") if count > 1 else Text(""))
    shapes = {heat.shape for _, heat in heats}
    return Gallery(
        values=np.stack([heat for _, heat in heats], 1) if len(shapes) == 1 else heats[0][1][:, None],
        axes=("batch", "model", *("height", "width")[: heats[0][1].ndim - 1]),
        images=tuple(images),
        captions=tuple(captions),
        groups=tuple(groups) if count > 1 else (),
        beneath=tuple(beneath) if any(one is not None for one in beneath) else (),
        signed=signed,
        unit=heats[0][0].unit,
        limits=limits,
        layer=heats[0][0].layer,
    )


def _beneath(one: Attribution, example: int) -> np.ndarray | None:
    return (
        one.base.values[example]
        if one.base is not None and one.base.kind == "image" and one.base.values is not None
        else None
    )


def _top(heats: Sequence[np.ndarray]) -> float:
    """The largest absolute value of all, but for the highest hundredth of large maps."""
    sizes = np.concatenate([np.abs(one[np.isfinite(one)]).ravel().astype(np.float64) for one in heats])
    if not sizes.size or not sizes.max() > 0:
        return 1.0
    clipped = float(np.percentile(sizes, CLIP)) if max(one[:1].size for one in heats) >= 1024 else 0.0
    return clipped if clipped > 0 else float(sizes.max())


def _same_frame(one: Attribution, two: Attribution, count: int) -> bool:
    """Whether both maps lie on the same part of the input."""
    if one.base is None or two.base is None or one.base.kind != two.base.kind:
        return one.heat.shape == two.heat.shape and one.base is two.base
    if one.base.kind != "image" or one.base.values is None or two.base.values is None:
        return one.heat.shape == two.heat.shape and one.base.names == two.base.names
    first, second = one.base.values[:count], two.base.values[:count]
    side = min(CELLS, *first.shape[1:3], *second.shape[1:3])
    return float(np.abs(_means(first, side) - _means(second, side)).mean()) < ALIKE


def _means(pictures: np.ndarray, side: int) -> np.ndarray:
    """Over `side` by `side` cells of each picture."""
    for axis in (1, 2):
        size = pictures.shape[axis]
        starts = np.arange(side) * size // side
        counts = np.diff([*starts, size]).reshape([-1 if k == axis else 1 for k in range(4)])
        pictures = np.add.reduceat(pictures.astype(np.float64), starts, axis) / counts
    return pictures


def _correlation(one: np.ndarray, two: np.ndarray) -> float:
    a, b = one.ravel().astype(np.float64), two.ravel().astype(np.float64)
    a, b = a - a.mean(), b - b.mean()
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / size if size > 0 else float("nan")


def _gap_said(other: str, first: str, gap: np.ndarray, top: float, likeness: float) -> Text:
    lost = gap.size - int(np.isfinite(gap).sum())
    if lost:
        return Text(
            f"{other} and {first} cannot be compared: {lost:,} of {gap.size:,} differences are not finite.",
            f"{other} 与 {first} 无法比较：{gap.size:,} 个差值中有 {lost:,} 个不是有限值。",
        )
    if not np.abs(gap).max() > SAME * top:
        return Text(f"{other} and {first}: no difference.", f"{other} 与 {first}：没有差异。")
    mean = spell.percent(min(1.0, float(np.abs(gap).mean()) / top))
    like = (
        Text("")
        if np.isnan(likeness)
        else Text(f"the maps correlate by {likeness:.2f}; ", f"两图相关系数 {likeness:.2f}；")
    )
    return Text(
        f"{other} and {first}: {like.en}they differ by {mean} of the scale on average.",
        f"{other} 与 {first}：{like.zh}平均相差刻度的 {mean}。",
    )


def _finer(times: float) -> Text:
    many = spell.number(times, 2)
    return Text(
        f"The differences are small: their scale is {many} times finer than that of the maps.",
        f"差异较小：其刻度比原图细 {many} 倍。",
        aside=True,
    )


def _largest(maps: Sequence[Attribution], names: Sequence[str]) -> dict[str, float]:
    return {
        name: float(np.abs(one.heat[np.isfinite(one.heat)]).max(initial=0.0))
        for name, one in zip(names, maps, strict=True)
    }


def _targets(maps: Sequence[Attribution], names: Sequence[str]) -> tuple[Text, ...]:
    """What each was explained for, if for something."""
    said = [(name, _answers(one.targets)) for name, one in zip(names, maps, strict=True) if one.targets]
    if not said:
        return ()
    if len({answers.en for _, answers in said}) == 1:
        answers = said[0][1]
        return (Text(f"Explained for {answers.en}.", f"解释的目标：{answers.zh}。", aside=True),)
    en = "; ".join(f"{name}: {answers.en}" for name, answers in said)
    zh = "；".join(f"{name}：{answers.zh}" for name, answers in said)
    return (Text(f"They are explained for different answers ({en}).", f"解释的目标不同（{zh}）。"),)


def _answers(targets: Sequence[TargetInfo]) -> Text:
    """What each shown example was explained for; once where it is the same for all."""
    shown = targets[:EXAMPLES]
    one_for_all = len({target.label for target in shown}) == 1
    said = shown[:1] if one_for_all else shown
    return Text(", ".join(target.label for target in said), "、".join(target.words.say("zh") for target in said))


def _notes(maps: Sequence[Attribution], names: Sequence[str]) -> tuple[Text, ...]:
    every = [set(one.notes) for one in maps]
    shared = [note for note in maps[0].notes if all(note in each for each in every)]
    own = [
        Text(f"{name}: {note.en}", f"{name}：{note.say('zh')}", aside=note.aside)
        for name, one in zip(names, maps, strict=True)
        for note in one.notes
        if note not in shared
    ]
    return (*shared, *own)


def _of_matrices(given: Sequence[Matrix], names: Sequence[str]) -> tuple[list[Result], Result | None]:
    top = max(float(np.abs(one.values[np.isfinite(one.values)]).max(initial=0.0)) for one in given) or 1.0
    signed = any(one.signed for one in given)
    shown: list[Any] = [one.with_(limits=(-top, top) if signed else (0.0, top), signed=signed) for one in given]
    if len(given) != 2:
        return shown, None
    gap = given[1].values - given[0].values
    likeness = _correlation(given[0].values, given[1].values)
    apart = given[0].with_(
        values=gap,
        signed=True,
        limits=(-top, top),
        provenance=None,
        notes=(_gap_said(str(names[1]), str(names[0]), gap, top, likeness),),
        facts={"correlation": likeness},
    )
    return shown, apart
