"""Units as tables, and what stands out among them in words."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.core.text import Text
from pellucid.engine.sweeps.gather import Source
from pellucid.methods.activation._units import Units
from pellucid.results import spell

_NUMBERS = {
    "mean": Text("mean", "均值"),
    "std": Text("standard deviation", "标准差"),
    "min": Text("smallest", "最小值"),
    "max": Text("largest", "最大值"),
    "zero": Text("share of zeros", "零值占比"),
}
LAYERS = {
    "layer": Text("layer", "层"),
    "function": Text("function", "函数"),
    "channels": Text("channels", "通道数"),
    **_NUMBERS,
    "dead": Text("dead", "失活"),
    "constant": Text("constant", "恒定"),
    "saturated": Text("saturated", "饱和"),
    "duplicates": Text("duplicates", "重复"),
    "selectivity": Text("mean class selectivity", "平均类别选择性"),
    "broken": Text("samples not finite", "非有限样本数"),
}
EACH = {
    "unit": Text("channel", "通道"),
    **_NUMBERS,
    "dead": Text("dead", "失活"),
    "constant": Text("constant", "恒定"),
    "saturated": Text("saturated", "饱和"),
    "duplicate": Text("duplicate", "重复"),
    "selectivity": Text("class selectivity", "类别选择性"),
    "prefers": Text("prefers", "偏好类别"),
    "twin": Text("most like channel", "最相似通道"),
    "correlation": Text("correlation with it", "与其相关系数"),
}
_NAMED = 3


def layer_row(units: Units) -> dict[str, Any]:
    """One layer in a row."""
    index = None if units.selective is None else units.selective.index
    known = index is not None and np.isfinite(index).any()
    return {
        "layer": units.address,
        "function": units.function,
        "channels": len(units),
        "mean": _number(units.mean_of_all),
        "std": _number(units.std_of_all),
        "min": _number(np.fmin.reduce(units.low)),
        "max": _number(np.fmax.reduce(units.high)),
        "zero": units.zeros_of_all,
        "dead": int(units.dead.sum()),
        "constant": int(units.constant.sum()),
        "saturated": None if units.saturated is None else int(units.saturated.sum()),
        "duplicates": None if units.alike is None else int(units.alike.duplicate.sum()),
        "selectivity": float(np.nanmean(index)) if index is not None and known else None,
        "broken": units.broken,
    }


def unit_rows(units: Units, classes: tuple[str, ...]) -> list[dict[str, Any]]:
    """Every unit in a row, the most selective ones first; a mark that no unit has is None everywhere."""
    index = np.full(len(units), np.nan) if units.selective is None else units.selective.index
    order = np.argsort(np.where(np.isnan(index), np.inf, -index), kind="stable").tolist()
    marks = {
        "dead": units.dead,
        "constant": units.constant,
        "saturated": units.saturated,
        "duplicate": None if units.alike is None else units.alike.duplicate,
    }
    some = {name: mark is not None and bool(mark.any()) for name, mark in marks.items()}
    return [
        {
            "unit": str(unit),
            **{name: bool(mark[unit]) if mark is not None and some[name] else None for name, mark in marks.items()},
            "mean": _number(units.mean[unit]),
            "std": _number(units.std[unit]),
            "min": _number(units.low[unit]),
            "max": _number(units.high[unit]),
            "zero": float(units.zeros[unit]),
            "selectivity": _number(index[unit]),
            "prefers": None if np.isnan(index[unit]) else _class(units, unit, classes),
            "twin": None if units.alike is None or units.alike.twin[unit] < 0 else str(units.alike.twin[unit]),
            "correlation": None if units.alike is None else _number(units.alike.correlation[unit]),
        }
        for unit in order
    ]


def without_empty(columns: dict[str, Text], rows: Sequence[dict[str, Any]]) -> dict[str, Text]:
    """The columns that have something in them."""
    return {key: words for key, words in columns.items() if any(row[key] is not None for row in rows)}


def findings(data: Source, layers: Sequence[Units], samples: int, above: float) -> list[Text]:
    """What stands out, over all these layers."""
    found: list[Text] = []
    if broken := [one for one in layers if one.first is not None]:
        first = broken[0]
        name = data.name(first.first or 0)
        found.append(
            Text(
                f"Not finite from '{first.address}' on, on {first.broken} of {samples} samples, first on {name}.",
                f"从 '{first.address}' 起出现非有限值：{samples} 个样本中有 {first.broken} 个，第一个是 {name}。",
            )
        )
    total = sum(map(len, layers))
    for en, zh, counts in (
        (
            f"zero on all {samples} samples (dead)",
            f"在全部 {samples} 个样本上为零（失活）",
            [one.dead for one in layers],
        ),
        ("never away from one limit (saturated)", "始终停在同一界限（饱和）", [one.saturated for one in layers]),
        (
            f"like an earlier one (correlation {above:g} or more)",
            f"与前面某个通道重复（相关系数不低于 {above:g}）",
            [None if one.alike is None else one.alike.duplicate for one in layers],
        ),
    ):
        if count := sum(int(one.sum()) for one in counts if one is not None):
            where = _where(layers, counts)
            found.append(
                Text(
                    f"{count:,} of {total:,} channels are {en}{where.en}.",
                    f"{total:,} 个通道中有 {count:,} 个{zh}{where.say('zh')}。",
                )
            )
    return found + _preferences(data.classes, layers)


def _preferences(classes: tuple[str, ...], layers: Sequence[Units]) -> list[Text]:
    indices = [(i, one.selective.index) for i, one in enumerate(layers) if one.selective is not None]
    known = [(i, index) for i, index in indices if np.isfinite(index).any()]
    found: list[Text] = []
    if known:
        i, index = max(known, key=lambda pair: float(np.nanmax(pair[1])))
        unit = int(np.nanargmax(index))
        value, name = spell.number(float(index[unit]), 2), _class(layers[i], unit, classes)
        found.append(
            Text(
                f"Most selective: channel {unit} of '{layers[i].address}' for {name} ({value}).",
                f"选择性最强：'{layers[i].address}' 的通道 {unit}，偏好 {name}（{value}）。",
            )
        )
    if below := sum(one.selective.below for one in layers if one.selective is not None):
        found.append(
            Text(
                f"{below:,} channels have a class mean below zero, for which the selectivity is not defined.",
                f"{below:,} 个通道有类别均值小于零，其选择性没有定义。",
                aside=True,
            )
        )
    return found


def _where(layers: Sequence[Units], counts: Sequence[np.ndarray | None]) -> Text:
    """The channels of one layer, or how many there are in which layers."""
    some = [(one, np.flatnonzero(count)) for one, count in zip(layers, counts, strict=True) if count is not None]
    some = [(one, units) for one, units in some if len(units)]
    if len(layers) == 1:
        said = ", ".join(map(str, some[0][1][: 4 * _NAMED])) + ("…" if len(some[0][1]) > 4 * _NAMED else "")
        return Text(f": {said}", f"：{said}")
    most = sorted(some, key=lambda pair: -len(pair[1]))
    more = "…" if len(most) > _NAMED else ""
    said = ", ".join(f"'{one.address}' {len(units)}" for one, units in most[:_NAMED]) + more
    return Text(f" ({said})", f"（{said}）")


def _class(units: Units, unit: int, classes: tuple[str, ...]) -> str:
    label = -1 if units.selective is None else int(units.selective.prefers[unit])
    return classes[label] if label < len(classes) else str(label)


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
