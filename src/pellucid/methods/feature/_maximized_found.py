"""Results of one climb: pictures, curves, and what is to be said of them."""

from collections.abc import Sequence
from typing import Any

import torch

from pellucid.core.provenance import TargetInfo
from pellucid.core.text import Text
from pellucid.engine.passes import Looking
from pellucid.methods.feature._maximized_climb import Climb, Climbed, climbed
from pellucid.methods.feature._maximized_drawn import curves, gallery
from pellucid.methods.feature._maximized_reached import NOISES, Reached, reached
from pellucid.results import Gallery, Series


def found_for(
    climb: Climb, plain: Climb, infos: Sequence[TargetInfo], *, layer: str, lead: str, transparency: bool
) -> Looking[tuple[Gallery | Series, ...]]:
    """Climb, look at what was reached, and draw it.

    Args:
        plain: the same climb for the objective alone, by which inputs are compared.
        infos: what each row is made for, over and over.
        layer: address of the place that is looked at.
        lead: name of the first axis.
        transparency: whether places that gradients hardly touched fade.
    """
    found = yield from climbed(climb)
    came = yield from reached(plain, found, infos)
    same: dict[str, Any] = {"layer": layer, "targets": came.targets}
    facts = _facts(found, came)
    notes = (*_notes(climb, found, came), *((_FADED,) if transparency else ()))
    pictures: list[Gallery | Series] = []
    for canvas, parameters, touched in zip(climb.canvases, found.parameters, found.touched, strict=True):
        with torch.no_grad():
            values = canvas.values(parameters)
        shown = touched if transparency and len(canvas.grid) == 2 else None
        name = (Text(canvas.name),) * len(values) if len(climb.canvases) > 1 else ()
        pictures.append(
            gallery(canvas, values, came.captions, shown, lead, groups=name, facts=facts, notes=notes, **same)
        )
    names = [info.words for info in came.targets]
    return (*pictures, curves(found.scores, found.steps.tolist(), names, unit=_unit(came), facts=facts, **same))


def _unit(came: Reached) -> Text | str:
    return came.targets[0].unit


def _facts(found: Climbed, came: Reached) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "objective": tuple(info.score for info in came.targets),
        "best of noise": tuple(came.noise.tolist()),
        "steps": tuple(found.steps.tolist()),
    }
    if all(first is not None for first in came.first):
        facts["recognised"] = sum(map(bool, came.first))
    return facts


def _notes(climb: Climb, found: Climbed, came: Reached) -> tuple[Text, ...]:
    notes = [_box(climb)]
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


def _box(climb: Climb) -> Text:
    first = climb.canvases[0]
    if not isinstance(first.prior, str):
        return Text("The range of the values is that of the given prior.", "取值范围由所给的先验决定。", aside=True)
    if first.known:
        return Text("Every value lies between black and white.", "所有取值都在黑与白之间。", aside=True)
    if not first.grid:
        return Text(
            "Every value stays between the least and the greatest of the example.",
            "所有取值都在示例输入的最小值与最大值之间。",
            aside=True,
        )
    return Text(
        "Each channel stays within its range in the example, since no preprocessing of pictures is stated.",
        "由于未声明图像预处理，各通道的取值都限制在其于示例输入中的范围内。",
        aside=True,
    )


_FADED = Text(
    "Places that gradients hardly touched fade to grey.",
    "梯度很少触及之处淡化为灰色。",
    aside=True,
)
