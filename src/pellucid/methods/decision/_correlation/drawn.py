"""Maps of units over the input as tiles, and as a table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pellucid.core.text import Text
from pellucid.engine.sweeps.request import Gathered, Swept
from pellucid.methods.decision._correlation.estimate import Estimate, Measure
from pellucid.methods.decision._correlation.told import about, beside
from pellucid.methods.decision._correlation.window import Place
from pellucid.results import Gallery, Table, spell
from pellucid.results.array import as_array

MOST_BESIDE = 4  # channels of the input that a tile shows beside each other
_APART = 16  # a gap between them is this part of their width
_AXES = {1: ("feature",), 2: ("channel", "time"), 3: ("channel", "height", "width")}
_UNITS = {
    "correlation": Text("correlation", "相关系数"),
    "covariance": Text("activation × input", "激活值 × 输入值"),
    "weights": Text("activation per input", "激活值 / 输入值"),
}
_ERROR = {key: Text(f"standard error, {unit.en}", f"标准误，{unit.zh}") for key, unit in _UNITS.items()}
_COLUMNS = {
    "channel": Text("channel", "通道"),
    "largest": Text("peak of the map", "图的峰值"),
    "error": Text("standard error of the peak", "峰值的标准误"),
    "place": Text("where in the box", "在框内的位置"),
    "above": Text("share of values above noise", "高于噪声的值所占比例"),
}


def galleries(
    swept: Swept, one: Gathered, place: Place, found: Estimate, shown: Sequence[int], measure: Measure
) -> tuple[Gallery, Gallery]:
    """The maps of the units `shown`, by their number among those gathered, and the standard error of each value."""
    channels = [place.units[unit] for unit in shown]
    values, errors = (_boxed(each, place, shown) for each in (found.values, found.errors))
    captions = [_caption(channel, value, error) for channel, value, error in zip(channels, values, errors, strict=True)]
    facts = {**swept.facts, **_facts(found, shown), "channels": tuple(channels)}
    said = about(place, found, one.state, len(shown))
    common: dict[str, Any] = {"axes": _axes(place), "layer": one.address, "facts": facts}
    return (
        Gallery(
            values=values,
            images=tuple(_tile(value, value) for value in values),
            captions=tuple(captions),
            signed=True,
            unit=_UNITS[measure],
            notes=(*said, *beside(place, MOST_BESIDE), *swept.notes),
            **common,
        ),
        Gallery(
            values=errors,
            images=tuple(_tile(error, value) for error, value in zip(errors, values, strict=True)),
            captions=tuple(_called(channel) for channel in channels),
            unit=_ERROR[measure],
            notes=(*said, *beside(place, MOST_BESIDE), *swept.notes),
            **common,
        ),
    )


def table(swept: Swept, one: Gathered, place: Place, found: Estimate, order: Sequence[int]) -> Table:
    """Every unit that was looked at, the clearest first."""
    rows: list[dict[str, Any]] = []
    for unit in order:
        at = int(found.values[unit].abs().argmax())
        dead = bool(found.dead[unit])
        rows.append(
            {
                "channel": f"{place.units[unit]}",
                "largest": None if dead else float(found.values[unit, at]),
                "error": None if dead else float(found.errors[unit, at]),
                "place": None if dead else ", ".join(str(int(i)) for i in np.unravel_index(at, place.box)),
                "above": None if dead else float(found.above[unit]),
            }
        )
    return Table(
        rows=tuple(rows),
        columns=_COLUMNS,
        layer=one.address,
        notes=(*about(place, found, one.state, None), *swept.notes),
        facts={**swept.facts, **_facts(found, order)},
    )


def _facts(found: Estimate, shown: Sequence[int]) -> dict[str, Any]:
    return {
        "pairs": found.pairs,
        "groups": found.groups,
        "above noise": tuple(float(found.above[unit]) for unit in shown),
        "ridge": found.ridge,
        "whitened by": found.how,
    }


def _boxed(values: Tensor, place: Place, shown: Sequence[int]) -> np.ndarray:
    kind = torch.float64 if place.spot.value.dtype == torch.float64 else torch.float32
    return as_array(values[list(shown)].to(kind).reshape(len(shown), *place.box))


def _axes(place: Place) -> tuple[str, ...]:
    rank = len(place.box)
    return ("unit", *_AXES.get(rank, tuple(f"axis {i}" for i in range(1, rank + 1))))


def _tile(values: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """One picture of a map: channels beside each other if they are few, else the one that `strength` is largest in."""
    if values.ndim < 3:
        return np.atleast_2d(values)
    channels = range(len(values)) if len(values) <= MOST_BESIDE else [strongest(strength)]
    flat = [_flat(values[i]) for i in channels]
    larger = -(-_APART // flat[0].shape[1]) if len(flat) > 1 else 1  # so that a gap is narrower than a pixel
    flat = [one.repeat(larger, 0).repeat(larger, 1) for one in flat]
    gap = np.full((flat[0].shape[0], flat[0].shape[1] // _APART), np.nan, values.dtype)
    parts = [part for one in flat for part in (gap, one)][1:]
    return np.concatenate(parts, 1)


def _flat(values: np.ndarray) -> np.ndarray:
    """The slices of a volume beside each other."""
    return values if values.ndim < 3 else np.concatenate(list(values.reshape(-1, *values.shape[-2:])), 1)


def strongest(values: np.ndarray) -> int:
    """The channel of the input in which a map is largest."""
    return int((values.reshape(len(values), -1).astype(np.float64) ** 2).sum(1).argmax())


def _called(channel: int) -> Text:
    return Text(f"channel {channel}", f"通道 {channel}")


def _caption(channel: int, values: np.ndarray, errors: np.ndarray) -> Text:
    at = int(np.abs(values).argmax())
    said = f"{spell.number(float(values.flat[at]))} ±{spell.number(float(errors.flat[at]), 1)}"
    called = _called(channel)
    if values.ndim > 2 and len(values) > MOST_BESIDE:
        which = strongest(values)
        return Text(f"{called.en} ← {which}: {said}", f"{called.zh} ← {which}：{said}")
    return Text(f"{called.en}: {said}", f"{called.zh}：{said}")
