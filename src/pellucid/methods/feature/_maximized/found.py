"""Results of one climb: pictures, curves, and what is to be said of them."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from pellucid.core.text import Text
from pellucid.engine.passes import Looking
from pellucid.methods.feature._maximized.aims import Aim
from pellucid.methods.feature._maximized.beside import Beside
from pellucid.methods.feature._maximized.climb import Climb, Climbed, climbed
from pellucid.methods.feature._maximized.drawn import curves, gallery
from pellucid.methods.feature._maximized.reached import NOISES, Reached, reached
from pellucid.results import Gallery, Series


def found_for(climb: Climb, aim: Aim, *, transparency: bool) -> Looking[tuple[Gallery | Series, ...]]:
    """Climb, look at what was reached, and draw it.

    Args:
        aim: what is climbed towards.
        transparency: whether places that gradients hardly touched fade.
    """
    found = yield from climbed(climb)
    came = yield from reached(replace(climb, target=aim.alone), found, aim.infos)
    rows, beside = len(came.targets), aim.beside
    real = None if beside is None or beside.best is None else beside.best.double().repeat(rows // len(beside.best))
    same: dict[str, Any] = {"layer": aim.layer, "targets": came.targets}
    facts = _facts(found, came, beside, real)
    notes = (
        *_of_what(aim, beside),
        *_laid(climb),
        *_notes(climb, found, came, "the example" if beside is None else "the first sample"),
        *((_FADED,) if transparency else ()),
        *_notes_beside(climb, came, beside, real),
    )
    headed = beside is not None and any(beside.tiles)
    if beside is not None and headed:
        beside = beside.saying(came.compared(real, len(beside.tiles)), [one.words for one in came.targets])
    captions = came.captions if beside is None else came.beside(real, headed=headed)
    pictures: list[Gallery | Series] = []
    for canvas, parameters, touched in zip(climb.canvases, found.parameters, found.touched, strict=True):
        with torch.no_grad():
            values = canvas.values(parameters)
        shown = touched if transparency and len(canvas.grid) == 2 else None
        same["groups"] = (Text(canvas.name),) * len(values) if len(climb.canvases) > 1 else ()
        pictures.append(gallery(canvas, values, captions, shown, aim.lead, beside, facts=facts, notes=notes, **same))
    del same["groups"]
    names = [info.words for info in came.targets]
    return (*pictures, curves(found.scores, found.steps.tolist(), names, unit=_unit(came), facts=facts, **same))


def _unit(came: Reached) -> Text | str:
    return came.targets[0].unit


def _facts(found: Climbed, came: Reached, beside: Beside | None, real: Tensor | None) -> dict[str, Any]:
    facts: dict[str, Any] = {} if beside is None else dict(beside.facts)
    facts |= {
        "objective": tuple(info.score for info in came.targets),
        "best of noise": tuple(came.noise.tolist()),
        "steps": tuple(found.steps.tolist()),
    }
    if real is not None:
        facts["best of data"] = tuple(real.tolist())
    if all(first is not None for first in came.first):
        facts["recognised"] = sum(map(bool, came.first))
    return facts


def _of_what(aim: Aim, beside: Beside | None) -> tuple[Text, ...]:
    """What the number under an input is, and whose class it was made for."""
    if beside is not None:
        return ()
    under = Text(
        f"With each input stands the objective that it reaches and the best of {NOISES} noise inputs.",
        f"每个输入旁标出其达到的目标值与 {NOISES} 个噪声输入中的最佳值。",
        aside=True,
    )
    predicted = any(info.chosen == "predicted" for info in aim.infos)
    return (under, _PREDICTED) if predicted else (under,)


def _laid(climb: Climb) -> tuple[Text, ...]:
    """How inputs that are no pictures are drawn."""
    axes = {len(canvas.grid) for canvas in climb.canvases}
    return tuple(note for count, note in _LAID.items() if count in axes)


def _notes(climb: Climb, found: Climbed, came: Reached, like: str) -> tuple[Text, ...]:
    notes = [_box(climb, like)]
    rows, silent = len(came.targets), int(found.silent.sum())
    if silent:
        notes.append(
            Text(
                f"{silent} of {rows} stayed silent: at no step did a gradient reach the input, so it shows nothing of what is wanted.",
                f"{rows} 个中有 {silent} 个始终沉默：任何一步都没有梯度到达输入，因此它没有显示出所要的东西。",
            )
        )
    scores = torch.tensor([info.score for info in came.targets], dtype=torch.float64)
    below = int(((scores <= came.noise) & ~found.silent).sum())
    if below:
        notes.append(
            Text(
                f"{below} of {rows} do not exceed the best of {NOISES} noise inputs: they show nothing of what is wanted.",
                f"{rows} 个中有 {below} 个未超过 {NOISES} 个噪声输入中的最佳者：它们没有显示出所要的东西。",
            )
        )
    if came.first[0] is not None and not all(came.first):
        notes.append(
            Text(
                f"{sum(map(bool, came.first))} of {rows} are recognised by the network itself as the class that they were made for.",
                f"{rows} 个中有 {sum(map(bool, came.first))} 个被网络自身识别为其目标类别。",
            )
        )
    return tuple(notes)


def _notes_beside(climb: Climb, came: Reached, beside: Beside | None, real: Tensor | None) -> tuple[Text, ...]:
    """How many inputs reach more than real ones do."""
    if beside is None or real is None:
        return () if beside is None else beside.notes
    scores = torch.tensor([info.score for info in came.targets], dtype=torch.float64)
    rows, more = len(scores), int((scores > real).sum())
    said = (
        Text(
            f"It is compared with the best of {beside.read:,} real samples and of {NOISES} noise inputs.",
            f"对照为 {beside.read:,} 个真实样本与 {NOISES} 个噪声输入各自的最佳值。",
            aside=True,
        ),
        Text(
            f"{more} of {rows} reach a higher objective than the best real sample.",
            f"{rows} 个中有 {more} 个的目标值高于最佳的真实样本。",
            aside=more == rows,
        ),
    )
    resized = any(one.grid != tuple(one.like.shape[2:]) for one in climb.canvases)
    grey = any(beside.tiles) and any(len(one.grid) == 2 and one.like.shape[1] not in (1, 3) for one in climb.canvases)
    return (*said, *((_RESIZED,) if resized else ()), *((_GREY,) if grey else ()), *beside.notes)


def _box(climb: Climb, like: str) -> Text:
    like_zh = {"the example": "示例输入", "the first sample": "第一个样本"}[like]
    first = climb.canvases[0]
    if not isinstance(first.prior, str):
        return Text("The range of the values is that of the given prior.", "取值范围由所给的先验决定。", aside=True)
    if first.known:
        return Text("Every value lies between black and white.", "所有取值都在黑与白之间。", aside=True)
    if first.read:
        return Text(
            f"Each column stays within its range in {first.read} rows.",
            f"各列的取值限制在其于 {first.read} 行中的范围内。",
            aside=True,
        )
    if not first.grid:
        return Text(
            f"Every value stays between the least and the greatest of {like}: one row does not tell the range of each column, several rows do.",
            f"所有取值都在{like_zh}的最小值与最大值之间：单独一行无法说明各列的范围，给出多行即可。",
        )
    return Text(
        f"Each channel stays within its range in {like}, since no preprocessing of pictures is stated.",
        f"由于未声明图像预处理，各通道的取值都限制在其于{like_zh}中的范围内。",
        aside=True,
    )


_GREY = Text(
    "Real samples are drawn in grey: the mean of their channels, from the lowest to the highest value of each sample.",
    "真实样本以灰度绘制：各通道的平均，从该样本的最小值到最大值。",
    aside=True,
)
_PREDICTED = Text(
    "They are made for the class that the network predicts of the example.",
    "它们是为网络对示例输入所预测的类别生成的。",
    aside=True,
)
_LAID = {
    0: Text(
        "Each picture holds the values of the input in their order, from left to right.",
        "每幅图从左到右依次是输入的各个值。",
        aside=True,
    ),
    1: Text(
        "Each row of a picture is a channel of the input, from left to right its steps in order.",
        "图中一行是输入的一个通道，从左到右依次是各个时间步。",
        aside=True,
    ),
}
_RESIZED = Text(
    "Real samples were looked at in their own size, the inputs that were made have another.",
    "真实样本按其自身尺寸检视，所生成的输入则是另一尺寸。",
)
_FADED = Text(
    "Places that gradients hardly touched fade to grey.",
    "梯度很少触及之处淡化为灰色。",
    aside=True,
)
