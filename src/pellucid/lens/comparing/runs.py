"""Trainings side by side: what they logged, how they ended, how much each layer moved."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pellucid.core.text import Text
from pellucid.engine.monitor.history import Curve, History
from pellucid.results import Series, Table, spell

MOST = 1500  # positions of a curve that are drawn
FALLING = ("loss", "error", "perplexity", "mse", "mae", "nll")
_COLUMNS = {
    "run": Text("run", "训练"),
    "state": Text("state", "状态"),
    "steps": Text("steps", "步数"),
    "broken": Text("first not finite", "最早出现非有限值"),
}
_STATES = {
    "running": Text("under way", "进行中"),
    "finished": Text("finished", "已完成"),
    "interrupted": Text("interrupted", "已中断"),
    "killed": Text("killed", "突然终止"),
    "stopped": Text("watching stopped early", "提前停止监视"),
    "unwritten": Text("could not be written to its end", "未能写完"),
    "damaged": Text("damaged", "记录已损坏"),
}


def falls(metric: str) -> bool:
    """Whether less of it is better, as far as its name tells."""
    return any(word in metric.lower() for word in FALLING)


def curves(histories: Sequence[History], names: Sequence[str]) -> list[Series]:
    """A result for each metric that any run logged, a curve for each run that did."""
    every = [one.metrics for one in histories]
    made: list[Series] = []
    for metric in dict.fromkeys(name for one in every for name in one):
        held = [(name, one[metric]) for name, one in zip(names, every, strict=True) if metric in one]
        steps = np.unique(np.concatenate([curve.steps for _, curve in held]))
        shown = steps[np.unique(np.linspace(0, len(steps) - 1, min(MOST, len(steps))).round().astype(int))]
        values = {name: _at(curve, shown) for name, curve in held}
        finite = np.concatenate([one[np.isfinite(one)] for one in values.values()])
        made.append(
            Series(
                curves=values,
                positions=tuple(float(one) for one in shown),
                unit=metric,
                position_unit=Text("step", "步"),
                log=bool(finite.size) and float(finite.min()) > 0 and float(finite.max()) > 100 * float(finite.min()),
                notes=(_ahead(metric, dict(held)),) if len(held) > 1 else (),
            )
        )
    return made


def _at(curve: Curve, steps: np.ndarray) -> np.ndarray:
    """The mean of what was logged up to each step since the one before; NaN where nothing was."""
    slots = np.searchsorted(steps, curve.steps)
    fits = slots < len(steps)
    sums = np.bincount(slots[fits], curve.values[fits].astype(np.float64), len(steps))
    counts = np.bincount(slots[fits], minlength=len(steps))
    return np.divide(sums, counts, out=np.full(len(steps), np.nan), where=counts > 0)


def _ahead(metric: str, held: Mapping[str, Curve]) -> Text:
    """Which run ends best."""
    last = {name: float(one.values[-1]) for name, one in held.items()}
    known = {name: value for name, value in last.items() if math.isfinite(value)}
    if not known:
        return Text(f"{metric} ends finite in no run.", f"没有一次训练的 {metric} 以有限值结束。")
    best = (min if falls(metric) else max)(known, key=lambda name: known[name])
    kind = Text("lowest", "最低") if falls(metric) else Text("highest", "最高")
    others = [name for name in last if name != best]
    en = ", ".join(f"{spell.number(last[name])} in {name}" for name in others)
    zh = "、".join(f"{name} 为 {spell.number(last[name])}" for name in others)
    return Text(
        f"{metric} ends {kind.en} in {best}, at {spell.number(known[best])}; {en}.",
        f"{metric} 最后以 {best} 为{kind.zh}，{spell.number(known[best])}；{zh}。",
    )


def ends(histories: Sequence[History], names: Sequence[str]) -> Table:
    """A row for each run: state, steps, where it broke, and the last and best of every metric."""
    metrics = list(dict.fromkeys(name for one in histories for name in one.metrics))
    columns = dict(_COLUMNS)
    for metric in metrics:
        columns[f"{metric} last"] = Text(f"{metric}, last", f"{metric}，最后")
        columns[f"{metric} best"] = Text(f"{metric}, best", f"{metric}，最好")
    rows = [_row(one, name, metrics) for one, name in zip(histories, names, strict=True)]
    if all(row["broken"] is None for row in rows):
        del columns["broken"]
    return Table(rows=tuple({key: row[key] for key in columns} for row in rows), columns=columns)


def _row(history: History, name: str, metrics: Sequence[str]) -> dict[str, Any]:
    born = history.born
    row: dict[str, Any] = {
        "run": name,
        "state": _STATES.get(history.state, history.state),
        "steps": history.last + 1,
        "broken": None if born is None else Text(f"step {born.step}, {born.layer}", f"第 {born.step} 步，{born.layer}"),
    }
    for metric in metrics:
        curve = history.metrics.get(metric)
        values = curve.values[np.isfinite(curve.values)] if curve is not None else np.zeros(0)
        best = (values.min if falls(metric) else values.max)() if values.size else None
        row[f"{metric} last"] = float(curve.values[-1]) if curve is not None and len(curve.values) else None
        row[f"{metric} best"] = None if best is None else float(best)
    return row


def updates(histories: Sequence[History], names: Sequence[str]) -> tuple[Series | None, Series | None]:
    """The median update of each layer beside its weights, for every run; and how many times that of the first."""
    medians = [_medians(one) for one in histories]
    layers = [path for path in medians[0] if any(path in other for other in medians[1:])]
    if not layers:
        return None, None
    values = {
        name: np.array([one.get(path, math.nan) for path in layers]) for name, one in zip(names, medians, strict=True)
    }
    first = values[names[0]]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = {name: np.where(first > 0, values[name] / first, np.nan) for name in names[1:]}
    same: dict[str, Any] = {"labels": tuple(layers), "position_unit": Text("layer", "层"), "log": True}
    shown = Series(curves=values, unit=Text("‖ΔW‖ / ‖W‖ of a step", "每步 ‖ΔW‖ / ‖W‖"), **same)
    notes = tuple(_most(name, names[0], ratio, layers) for name, ratio in ratios.items() if np.isfinite(ratio).any())
    apart = Series(
        curves=ratios, unit=Text(f"times that of {names[0]}", f"相对 {names[0]} 的倍数"), notes=notes, **same
    )
    return shown, apart if notes else None


def _medians(history: History) -> dict[str, float]:
    grid = history.grid("ratio")
    with np.errstate(all="ignore"):
        return {
            path: float(np.median(column[np.isfinite(column)]))
            for path, column in zip(grid.layers, grid.values.T, strict=True)
            if np.isfinite(column).any()
        }


def _most(name: str, first: str, ratio: np.ndarray, layers: Sequence[str]) -> Text:
    away = np.abs(np.log(np.where(ratio > 0, ratio, np.nan)))
    if not np.isfinite(away).any() or np.nanmax(away) < 1e-6:
        return Text(f"{name}: every layer moves as in {first}.", f"{name}：各层移动与 {first} 相同。")
    at = int(np.nanargmax(away))
    typical = float(np.exp(np.nanmedian(np.log(np.where(ratio > 0, ratio, np.nan)))))
    return Text(
        f"{name}: layers move {spell.number(typical)} times as much as in {first} (median); farthest from it is "
        f"'{layers[at]}', {spell.number(float(ratio[at]))} times.",
        f"{name}：各层移动量为 {first} 的 {spell.number(typical)} 倍（中位数）；"
        f"相差最大的是“{layers[at]}”，{spell.number(float(ratio[at]))} 倍。",
    )
