"""Singular values as curves and as a table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from pellucid.core.text import Text
from pellucid.methods.structure._spectrum_row import Row
from pellucid.results import Series, Table

CHARTS, DECADES = 6, 50.0
_RANK = Text("rank of the singular value", "奇异值的名次")
_SIGMA = Text("singular value", "奇异值")
_RANDOM = Text("random matrix", "随机矩阵")
_COLUMNS = {
    "layer": Text("layer", "层"),
    "matrix": Text("matrix", "矩阵"),
    "norm": Text("‖W‖_F", "‖W‖_F"),
    "largest": Text("largest σ", "最大 σ"),
    "edge": Text("random edge", "随机边缘"),
    "above": Text("σ above chance", "高出随机的 σ 数"),
    "rank": Text("rank", "秩"),
    "stable_rank": Text("stable rank", "稳定秩"),
    "effective_rank": Text("effective rank", "有效秩"),
    "condition": Text("condition number", "条件数"),
    "exponent": Text("tail exponent", "尾部指数"),
    "exponent_random": Text("same, random matrix", "同上，随机矩阵"),
    "fitted": Text("values fitted", "拟合值个数"),
    "fit": Text("fit from σ² to σ²", "拟合范围（σ²）"),
    "distance": Text("KS distance", "KS 距离"),
    "power_law": Text("power law not refuted", "未被否定为幂律"),
    "torus": Text("σ₁ on the torus", "环面上的 σ₁"),
}


def curves(rows: Sequence[Row], notes: tuple[Text, ...]) -> Series:
    """A curve for each layer; of one alone also that of a random matrix."""
    if len(rows) == 1:
        return _chart(rows[0]).with_(notes=notes)
    longest = max(len(row.spectrum.values) for row in rows)
    return Series(
        curves={row.held.where: _padded(_told(row), longest) for row in rows},
        names={row.held.where: Text(_name(row)) for row in rows},
        positions=tuple(float(i + 1) for i in range(longest)),
        position_unit=_RANK,
        unit=_SIGMA,
        log=_falls_far([_told(row) for row in rows]),
        notes=notes,
    )


def charts(rows: Sequence[Row]) -> tuple[Series, ...]:
    """One for each of a few layers, with its random matrix."""
    return tuple(map(_chart, rows)) if 1 < len(rows) <= CHARTS else ()


def table(rows: Sequence[Row], notes: tuple[Text, ...]) -> Table:
    """A row for each layer; columns without a cell are left out."""
    cells = [_cells(row) for row in rows]
    columns = {key: words for key, words in _COLUMNS.items() if any(one[key] is not None for one in cells)}
    kept = tuple({key: one[key] for key in columns} for one in cells)
    return Table(rows=kept, columns=columns, notes=notes)


def findings(rows: Sequence[Row], grid: int | None) -> list[Text]:
    """What the reader must know of these numbers."""
    notes = [
        Text(
            "Above chance: larger than the largest singular value of a Gaussian matrix of this size and variance in 99 of 100 cases.",
            "高出随机：大于同尺寸、同方差高斯矩阵的最大奇异值（100 次中有 99 次）。",
            aside=True,
        )
    ]
    estimated = [row.held.where for row in rows if not row.spectrum.exact]
    if estimated:
        notes.append(
            Text(
                f"Too large for all singular values, the first ones estimated from below by random projection: {_some(estimated)}. Effective rank, rank and condition number are not known there.",
                f"矩阵过大，只用随机投影（从下方）估计了最前面的奇异值：{_some(estimated)}。其有效秩、秩与条件数未知。",
            )
        )
    fitted = [row for row in rows if row.tail is not None]
    if fitted:
        held = sum(row.tail is not None and row.tail.holds for row in fitted)
        chance = sum(row.chance is not None and row.chance.holds for row in fitted)
        notes.append(
            Text(
                f"A power law is not refuted (5% level) for the tails of {held} of {len(fitted)} layers, nor for {chance} of {len(fitted)} random matrices of the same sizes: the range is chosen for the best fit, so this test is lenient.",
                f"{len(fitted)} 层中有 {held} 层的尾部未被否定为幂律（5% 水平），同尺寸的 {len(fitted)} 个随机矩阵中也有 {chance} 个：区间按最佳拟合选取，此检验偏宽松。",
            )
        )
    short = [row.held.where for row in rows if row.spectrum.exact and row.spectrum.rank != row.spectrum.size]
    if short:
        notes.append(
            Text(
                f"Singular values that rounding does not tell from zero are left out: {_some(short)}.",
                f"与零的差别不超过舍入误差的奇异值未画出：{_some(short)}。",
                aside=True,
            )
        )
    return notes + ([_about_torus(rows, grid)] if grid and any(row.torus is not None for row in rows) else [])


def _about_torus(rows: Sequence[Row], grid: int) -> Text:
    loose = [row.held.where for row in rows if row.torus is not None and not row.exact]
    return Text(
        f"On the torus: the convolution as a map on a grid of side {grid} that wraps around."
        + (f" Padding or stride differ in {_some(loose)}: an estimate there." if loose else " Exact for these layers."),
        f"环面：把卷积看作边长 {grid} 的环绕网格上的映射。"
        + (f"{_some(loose)} 的填充或步幅不同，只是估计。" if loose else "对这些层是精确的。"),
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" (+{len(names) - 3})" if len(names) > 3 else "")


def _chart(row: Row) -> Series:
    values = _told(row)
    random = row.noise.values.numpy()[: len(values)]
    return Series(
        curves={"weight": values, "random": random},
        names={"weight": Text(_name(row)), "random": _RANDOM},
        positions=tuple(float(i + 1) for i in range(len(values))),
        position_unit=_RANK,
        unit=_SIGMA,
        log=_falls_far([values]),
        layer=row.held.where,
        facts={"edge": row.noise.edge, "above chance": row.above},
    )


def _cells(row: Row) -> dict[str, Any]:
    found, tail = row.spectrum, row.tail
    blocks = (found.blocks,) if found.blocks > 1 else ()
    return {
        "layer": row.held.where,
        "matrix": (*blocks, *found.shape),
        "norm": found.squares**0.5,
        "largest": found.norm,
        "edge": row.noise.edge,
        "above": row.above,
        "rank": found.rank,
        "stable_rank": found.stable_rank,
        "effective_rank": found.effective_rank,
        "condition": found.condition,
        "exponent": None if tail is None else tail.exponent,
        "exponent_random": None if row.chance is None else row.chance.exponent,
        "fitted": None if tail is None else tail.count,
        "fit": None if tail is None else f"{tail.low:.3g} – {tail.high:.3g}",
        "distance": None if tail is None else tail.distance,
        "power_law": None if tail is None else tail.holds,
        "torus": row.torus,
    }


def _told(row: Row) -> np.ndarray:
    """The singular values; NaN where rounding does not tell them from zero."""
    values = row.spectrum.values
    return torch.where(values > row.spectrum.floor, values, torch.nan).numpy()


def _falls_far(curves: Sequence[np.ndarray]) -> bool:
    """Whether a linear axis would hide the small ones, and a logarithmic one has decades to name."""
    ends = [(np.nanmax(one), np.nanmin(one)) for one in curves if np.isfinite(one).any()]
    return bool(max(high for high, _ in ends) > DECADES * min(low for _, low in ends)) if ends else False


def _name(row: Row) -> str:
    return row.held.where.removesuffix(":weight")


def _padded(values: np.ndarray, length: int) -> np.ndarray:
    return np.concatenate([values, np.full(length - len(values), np.nan)])
