"""By how much the weights of each layer differ between two models."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import numpy as np

from pellucid.core.text import Text
from pellucid.lens.comparing.held import Change, Layer, change
from pellucid.lens.comparing.matching import Matching
from pellucid.lens.comparing.words import some
from pellucid.results import Series, Table, spell

SAME = 1e-6  # of the weights' length: what rounding in a file leaves
_COLUMNS = {
    "layer": Text("layer", "层"),
    "other": Text("its partner", "配对层"),
    "kind": Text("kind", "类型"),
    "parameters": Text("parameters", "参数量"),
    "size": Text("‖ΔW‖ / ‖W‖", "‖ΔW‖ / ‖W‖"),
    "cosine": Text("cosine", "余弦"),
    "statistics": Text("running statistics, ‖ΔS‖ / ‖S‖", "滑动统计量 ‖ΔS‖ / ‖S‖"),
}
NAMED = 3  # layers that a sentence names


def changed(
    founds: Sequence[Matching], layers: Sequence[Sequence[Layer]], names: Sequence[str]
) -> tuple[Series | None, list[Table]]:
    """Relative changes of all layers of the first, a curve for each other; and the figures, a table for each other."""
    tables: list[Table] = []
    curves: dict[str, np.ndarray] = {}
    notes: list[Text] = []
    for number, found in enumerate(founds, 1):
        moves = {pair.one: change(layers[0][pair.one], layers[number][pair.two]) for pair in found.pairs}
        lost = sum(bool(layers[0][pair.one].not_finite or layers[number][pair.two].not_finite) for pair in found.pairs)
        verdict = _verdict(moves, layers[0], names[0], names[number], lost)
        said = (*_not_finite(names[0], layers[0]), *_not_finite(names[number], layers[number]), verdict)
        curves[names[number]] = np.array([_largest(moves.get(i)) for i in range(len(layers[0]))])
        notes.extend(said)
        partner = {pair.one: layers[number][pair.two].called for pair in found.pairs}
        rows = [_row(layer, partner.get(i), moves.get(i)) for i, layer in enumerate(layers[0])]
        tables.append(Table(rows=tuple(rows), columns=_COLUMNS, notes=said, facts=_facts(moves, layers[0], lost)))
    shown = [i for i in range(len(layers[0])) if any(np.isfinite(curve[i]) for curve in curves.values())]
    if not shown:
        return None, tables
    return (
        Series(
            curves={name: curve[shown] for name, curve in curves.items()},
            labels=tuple(layers[0][i].called for i in shown),
            unit=Text("‖ΔW‖ / ‖W‖", "‖ΔW‖ / ‖W‖"),
            position_unit=Text(f"layer of {names[0]}", f"{names[0]} 的层"),
            style="bar" if len(shown) <= 30 and len(curves) == 1 else "line",
            notes=tuple(dict.fromkeys(notes)),
        ),
        tables,
    )


def _largest(move: Change | None) -> float:
    """Of weights and running statistics."""
    known = [one for one in ((move.size, move.statistics) if move else ()) if not np.isnan(one)]
    return max(known, default=float("nan"))


def _row(layer: Layer, other: str | None, move: Change | None) -> dict[str, Any]:
    figures = (move.size, move.cosine, move.statistics) if move else (float("nan"),) * 3
    known = [None if np.isnan(one) else one for one in figures]
    return {
        "layer": layer.called,
        "other": other,
        "kind": layer.kind,
        "parameters": layer.parameters,
        **dict(zip(("size", "cosine", "statistics"), known, strict=True)),
    }


def _facts(moves: dict[int, Change], layers: Sequence[Layer], lost: int) -> dict[str, Any]:
    moved = _moved(moves)
    return {
        "changed": tuple(layers[i].path for i in moved),
        "within": _within([layers[i].path for i in moved]),
        "not finite": lost,
        "most": layers[max(moved, key=lambda i: _largest(moves[i]))].path if moved else "",
    }


def _moved(moves: dict[int, Change]) -> list[int]:
    return [i for i, move in moves.items() if _largest(move) > SAME]


def _verdict(moves: dict[int, Change], layers: Sequence[Layer], first: str, other: str, lost: int) -> Text:
    """Which layers differ, in words; of `lost` pairs it cannot be said."""
    moved, known = _moved(moves), [i for i, move in moves.items() if not np.isnan(_largest(move))]
    if not known and lost:
        return Text(
            f"{other}: no weights can be compared with those of {first}.",
            f"{other}：没有权重可与 {first} 相比。",
        )
    if not known:
        return Text(
            f"{other}: no layer has the shape of its partner in {first}, so weights cannot be compared.",
            f"{other}：没有一层与 {first} 中的配对层形状相同，权重无从比较。",
        )
    among = _among(len(known), len(layers), lost)
    if not moved:
        return Text(
            f"{other}: no difference from {first} in the weights of {among.en}.",
            f"{other}：{among.zh}的权重与 {first} 没有差别。",
        )
    top = max(moved, key=lambda i: _largest(moves[i]))
    home = _within([layers[i].path for i in moved])
    place = (f", all within '{home}'", f"，全部位于“{home}”内") if home and len(moved) > 1 else ("", "")
    size = spell.percent(_largest(moves[top]))
    return Text(
        f"{other} differs from {first} in {len(moved)} of {among.en}{place[0]}; most in {_place(layers[top]).en}, "
        f"by {size}.",
        f"{other} 与 {first} 在 {among.zh}中有 {len(moved)} 层不同{place[1]}；"
        f"变化最大的是{_place(layers[top]).zh}，为 {size}。",
    )


def _place(layer: Layer) -> Text:
    """A layer in words; what lies in the model itself has no name."""
    if layer.path:
        return Text(f"'{layer.path}'", f"“{layer.path}”")
    return Text("the model's own parameters", "模型自身的参数")


def _among(known: int, layers: int, lost: int) -> Text:
    """How many layers were compared, and how many were not."""
    left = layers - known - lost
    why: list[Text] = []
    if left:
        has = "has" if left == 1 else "have"
        why.append(Text(f"{left} more {has} no partner of the same shape", f"另有 {left} 层没有同形的配对层"))
    if lost:
        why.append(Text(f"{lost} more cannot be compared: not finite", f"另有 {lost} 层含非有限值，无法比较"))
    en, zh = "; ".join(one.en for one in why), "；".join(one.zh for one in why)
    compared = some(known, "layer")
    return Text(f"{compared} ({en})" if why else compared, f"{known} 层（{zh}）" if why else f"{known} 层")


def _not_finite(name: str, layers: Sequence[Layer]) -> tuple[Text, ...]:
    """In which layers of a model there are NaN or infinite numbers."""
    broken = [one for one in layers if one.not_finite]
    if not broken:
        return ()
    more = len(broken) - NAMED
    tail = Text(f", and more in {some(more, 'layer')}", f"，另有 {more} 层") if more > 0 else Text("")
    en = [f"{one.not_finite:,} in '{one.called}'" for one in broken[:NAMED]]
    zh = [f"“{one.called}”中 {one.not_finite:,} 个" for one in broken[:NAMED]]
    return (
        Text(
            f"{name} has weights that are not finite: {', '.join(en)}{tail.en}.",
            f"{name} 有非有限的权重：{'，'.join(zh)}{tail.zh}。",
        ),
    )


def _within(paths: Sequence[str]) -> str:
    """The smallest part of the network that holds all of these layers; empty for the whole."""
    if not paths:
        return ""
    common = list(takewhile(lambda same: len(set(same)) == 1, zip(*(path.split(".") for path in paths), strict=False)))
    return ".".join(names[0] for names in common)
