"""Half range: numbers that are too large for half precision."""

import math

import numpy as np
import torch
from torch import Tensor

from pellucid.core.text import Text
from pellucid.diagnose.check import Checking, check
from pellucid.diagnose.finding import Noticed, Severity
from pellucid.engine.passes import Keep, Pass
from pellucid.inputs.inputs import Inputs
from pellucid.results.series import Series
from pellucid.results.spell import number

MOST = float(torch.finfo(torch.float16).max)
NEAR = 0.5


@check(
    title=Text("Too large for half precision", "超出半精度范围"),
    why=Text(
        "float16 holds numbers up to 65,504; above it they are infinite, and NaN soon after.",
        "float16 最大只能表示 65,504；超过即为无穷大，随后变成 NaN。",
    ),
    advice=Text(
        "Use bfloat16 or float32 for this layer, or make what goes into it smaller (a normalisation, smaller weights).",
        "该层改用 bfloat16 或 float32，或缩小其输入（加归一化、减小权重）。",
    ),
    rank=8,
)
def half_range(x: Inputs) -> Checking:
    """The largest magnitude at the output of every module."""
    every = Keep("*", peak)
    seen = yield from Pass(x, keep=[every])
    rows: list[tuple[str, float, str, bool]] = [
        (spot.address, *spot.value) for spot in seen.at(every) if spot.value is not None
    ]
    if not rows:
        return []
    peaks = np.array([one[1] for one in rows])
    half = {one[2] for one in rows} == {"float16"} or any(one[2] == "float16" for one in rows)
    over = [i for i in range(len(rows)) if (rows[i][3] if half else rows[i][1] > NEAR * MOST)]
    if not over or (half and not _by_size(rows, over[0])):
        return []
    first = over[0]
    top = float(peaks.max())
    severity: Severity = "high" if half else "medium" if top > MOST else "low"
    picture = Series(
        curves={"largest": peaks, "limit": np.full(len(rows), MOST)},
        names={
            "largest": Text("largest magnitude", "最大绝对值"),
            "limit": Text("limit of float16", "float16 上限"),
        },
        labels=tuple(one[0] for one in rows),
        position_unit=Text("module, in order", "模块（按顺序）"),
        unit=Text("magnitude", "绝对值"),
        log=True,
    )
    if half:
        said = Text("Values in float16 become infinite here, from finite ones.", "float16 数值在此由有限变为无穷大。")
    else:
        said = (
            Text(
                f"Values reach {number(top)}; float16 ends at 65,504, so this would overflow there.",
                f"数值达到 {number(top)}；float16 止于 65,504，换用半精度会溢出。",
            )
            if top > MOST
            else Text(
                f"Values reach {number(top)}, more than half of what float16 holds.",
                f"数值达到 {number(top)}，已超过 float16 上限的一半。",
            )
        )
    return [Noticed(severity, rows[first][0], said, picture)]


def _by_size(rows: list[tuple[str, float, str, bool]], first: int) -> bool:
    """Whether it grew out of range, and is not an infinity that an operation as log(0) gives."""
    before = [one[1] for one in rows[: first + 1] if one[1] > 0]
    return bool(before) and max(before) > 16.0


def peak(value: Tensor) -> tuple[float, str, bool] | None:
    """The largest finite magnitude, the type, and whether anything is infinite."""
    if not value.is_floating_point() or not value.numel():
        return None
    kind = str(value.dtype).removeprefix("torch.")
    low, high = map(float, value.detach().aminmax())
    if math.isfinite(low) and math.isfinite(high):
        return max(-low, high), kind, False
    size = value.detach().abs()
    finite = size[size.isfinite()]
    return float(finite.max()) if finite.numel() else 0.0, kind, bool(torch.isposinf(size).any())
