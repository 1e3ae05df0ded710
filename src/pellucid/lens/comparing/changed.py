"""By how much the weights of each layer differ between two models."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import numpy as np

from pellucid.core.text import Text
from pellucid.lens.comparing.held import Change, Layer, change
from pellucid.lens.comparing.matching import Matching
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


def changed(
    founds: Sequence[Matching], layers: Sequence[Sequence[Layer]], names: Sequence[str]
) -> tuple[Series | None, list[Table]]:
    """Relative changes of all layers of the first, a curve for each other; and the figures, a table for each other."""
    tables: list[Table] = []
    curves: dict[str, np.ndarray] = {}
    notes: list[Text] = []
    for number, found in enumerate(founds, 1):
        moves = {pair.one: change(layers[0][pair.one], layers[number][pair.two]) for pair in found.pairs}
        verdict = _verdict(moves, layers[0], names[0], names[number])
        curves[names[number]] = np.array([_largest(moves.get(i)) for i in range(len(layers[0]))])
        notes.append(verdict)
        partner = {pair.one: layers[number][pair.two].called for pair in found.pairs}
        rows = [_row(layer, partner.get(i), moves.get(i)) for i, layer in enumerate(layers[0])]
        tables.append(Table(rows=tuple(rows), columns=_COLUMNS, notes=(verdict,), facts=_facts(moves, layers[0])))
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
            notes=tuple(notes),
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


def _facts(moves: dict[int, Change], layers: Sequence[Layer]) -> dict[str, Any]:
    moved = _moved(moves)
    return {
        "changed": tuple(layers[i].path for i in moved),
        "within": _within([layers[i].path for i in moved]),
        "most": layers[max(moved, key=lambda i: _largest(moves[i]))].path if moved else "",
    }


def _moved(moves: dict[int, Change]) -> list[int]:
    return [i for i, move in moves.items() if _largest(move) > SAME]


def _verdict(moves: dict[int, Change], layers: Sequence[Layer], first: str, other: str) -> Text:
    """Which layers differ, in words."""
    moved, known = _moved(moves), [i for i, move in moves.items() if not np.isnan(_largest(move))]
    if not known:
        return Text(
            f"{other}: no layer has the shape of its partner in {first}, so weights cannot be compared.",
            f"{other}：没有一层与 {first} 中的配对层形状相同，权重无从比较。",
        )
    among = _among(len(known), len(layers))
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
        f"{other} differs from {first} in {len(moved)} of {among.en}{place[0]}; most in '{layers[top].called}', "
        f"by {size}.",
        f"{other} 与 {first} 在 {among.zh}中有 {len(moved)} 层不同{place[1]}；"
        f"变化最大的是“{layers[top].called}”，为 {size}。",
    )


def _among(known: int, layers: int) -> Text:
    """How many layers were compared, and how many were not."""
    left = layers - known
    if not left:
        return Text(f"{known} layers", f"{known} 层")
    return Text(
        f"{known} layers ({left} more {'has' if left == 1 else 'have'} no partner of the same shape)",
        f"{known} 层（另有 {left} 层没有同形的配对层）",
    )


def _within(paths: Sequence[str]) -> str:
    """The smallest part of the network that holds all of these layers; empty for the whole."""
    if not paths:
        return ""
    common = list(takewhile(lambda same: len(set(same)) == 1, zip(*(path.split(".") for path in paths), strict=False)))
    return ".".join(names[0] for names in common)
