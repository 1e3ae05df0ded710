"""How early a class can be read off: nearest class means of the activations of every level."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pellucid.core.errors import BadSetting, quoted
from pellucid.core.sites import Site
from pellucid.core.text import Text
from pellucid.engine.passes import INPUT, Keep, Looking, Pass, Seen, Spot
from pellucid.engine.targets.target import Target
from pellucid.inputs.inputs import Inputs
from pellucid.ops.readout import Readout, nearest_mean, pooled
from pellucid.results import Series

ROWS = 32
_NAMES = {
    "right": Text("labelled examples told right", "标注样本判对比例"),
    "margin": Text("margin of the target", "目标类的余量"),
}


def read_off(
    x: Inputs, target: Target, seen: Seen, chosen: Sequence[Spot], labelled: tuple[Tensor, Any]
) -> Looking[Series]:
    """A Series with a position per level, the input first."""
    shown, labels = labelled[0], _classes(labelled, target)
    if len(x.tensors) != 1 or shown.shape[1:] != next(iter(x.tensors.values())).shape[1:]:
        held = ", ".join(str(tuple(one.shape)) for one in x.tensors.values())
        raise BadSetting(
            Text(
                f"labelled examples of shape {tuple(shown.shape)} are not like the input {held}",
                f"形状为 {tuple(shown.shape)} 的标注样本与输入 {held} 不同",
            )
        )
    spots = [seen.at(INPUT)[0], *chosen]
    inner = [Keep(_site(spot), partial(pooled, axis=_axis(spot))) for spot in chosen]
    parts: list[list[Tensor]] = [[] for _ in spots]
    for start in range(0, len(shown), ROWS):
        some = shown[start : start + ROWS]
        batch = x.mapped(lambda _, value, some=some: some.to(value))
        known = yield from Pass(batch, keep=[INPUT, *inner], step=(start, len(shown)))
        read = [pooled(known.at(INPUT)[0].value, _axis(spots[0])), *(known[tap] for tap in inner)]
        for part, one in zip(parts, read, strict=True):
            part.append(one)
    classes = [info.index[-1] if info.index else None for info in seen.targets]
    found = [
        nearest_mean(torch.cat(part), labels, pooled(spot.value, _axis(spot)), classes)
        for part, spot in zip(parts, spots, strict=True)
    ]
    return _series(seen, ["input", *(spot.address for spot in chosen)], found, classes[0])


def _classes(labelled: tuple[Tensor, Any], target: Target) -> Tensor:
    shown, labels = labelled
    each = labels.tolist() if isinstance(labels, Tensor) else list(labels)
    unknown = [one for one in each if isinstance(one, str) and one not in target.labels]
    if unknown:
        raise BadSetting(
            Text(f"no class is called '{unknown[0]}'", f"没有名为 '{unknown[0]}' 的类别"),
            nearest=quoted(target.labels[:3]) or "numbers",
        )
    found = [target.labels.index(one) if isinstance(one, str) else int(one) for one in each]
    if len(found) != len(shown) or len(set(found)) < 2:
        raise BadSetting(
            Text(
                f"{len(found)} labels of {len(set(found))} classes for {len(shown)} labelled examples",
                f"标注样本有 {len(shown)} 个，标签却有 {len(found)} 个（{len(set(found))} 个类别）",
            )
        )
    return torch.tensor(found)


def _site(spot: Spot) -> Site:
    place = spot.place
    return Site(place.path, place.call, place.op, place.n if place.op else None)


def _axis(spot: Spot) -> int | None:
    """Where the channels of a value with cells or tokens are."""
    if spot.layout is not None:
        return 1 if spot.layout.kind == "channels_first" else spot.value.ndim - 1
    return spot.value.ndim - 1 if spot.value.ndim == 3 else 1 if spot.value.ndim > 3 else None


def _series(seen: Seen, names: list[str], found: list[Readout], asked: int | None) -> Series:
    right = np.array([one.right for one in found])
    margin = np.array([one.margin[0] for one in found])
    stays = len(margin)
    while stays and margin[stays - 1] > 0:
        stays -= 1
    label = seen.targets[0].label
    marks = {stays: Text("nearest from here on", "从此处起一直最近")} if 0 <= stays < len(margin) else {}
    said = (
        Text(
            f"From '{names[stays]}' on, the mean of {label} is and stays the nearest to this input.",
            f"从 '{names[stays]}' 起，{label} 的类均值始终离该输入最近。",
        )
        if marks
        else Text(
            f"At the last level the mean of {label} is not the nearest to this input.",
            f"到最后一层，{label} 的类均值仍不是离该输入最近的。",
        )
    )
    known = asked is not None and np.isfinite(margin).any()
    absent = Text(f"No labelled example is of {label}: there is no margin.", f"标注样本中没有 {label}：没有余量可言。")
    return Series(
        curves={"right": right, "margin": margin} if known else {"right": right},
        names=_NAMES,
        labels=tuple(names),
        position_unit=Text("level, first to last", "层级（由前到后）"),
        unit=Text("share; margin −1 to 1", "比例；余量 −1 至 1"),
        marks=marks if known else {},
        targets=seen.targets[:1],
        notes=(said if known else absent,),
        facts={"right": tuple(right.tolist()), "stays from": names[stays] if marks and known else ""},
    )
