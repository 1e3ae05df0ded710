"""Every weight in a row: size, zeros, copies, distribution, change."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pellucid.core.text import Text
from pellucid.engine.looker import Looker
from pellucid.methods.structure._weights_drawn import Drawn
from pellucid.ops.precision import in_double
from pellucid.results import Table
from pellucid.results.array import as_array

STRIP = 41
_COLUMNS = {
    "layer": Text("layer", "层"),
    "kind": Text("kind", "类型"),
    "shape": Text("shape", "形状"),
    "norm": Text("‖W‖", "‖W‖"),
    "mean": Text("mean", "均值"),
    "std": Text("standard deviation", "标准差"),
    "largest": Text("largest |w|", "最大 |w|"),
    "distribution": Text("distribution, ± largest", "分布（± 最大值）"),
    "near zero": Text("share near zero", "近零占比"),
    "empty filters": Text("empty filters", "空滤波器"),
    "copies": Text("copies", "重复"),
    "nearly copies": Text("near copies", "近似重复"),
    "bias": Text("‖b‖", "‖b‖"),
    "not finite": Text("not finite", "非有限值"),
    "change": Text("‖W − W₀‖", "‖W − W₀‖"),
    "relative change": Text("‖W − W₀‖ / ‖W₀‖", "‖W − W₀‖ / ‖W₀‖"),
    "cosine": Text("cosine with before", "与之前的余弦"),
}


def overview(drawn: Sequence[Drawn], lens: Looker, notes: tuple[Text, ...]) -> Table:
    """A row for each weight; columns without a cell are left out.

    Near zero: at most a thousandth of the largest weight; empty: of the largest filter's norm.
    """
    rows = [_row(one, lens) for one in drawn]
    columns = {key: words for key, words in _COLUMNS.items() if any(row.get(key) is not None for row in rows)}
    told = Text(
        "Near zero: at most a thousandth of the largest weight; empty: a norm of at most a thousandth of the largest filter's; copies: filters that another one equals in direction (cosine 1), near copies: above 0.98.",
        "近零：不超过最大权重的千分之一；空：范数不超过最大滤波器的千分之一；重复：有另一滤波器方向相同（余弦为 1），近似重复：高于 0.98。",
        aside=True,
    )
    return Table(
        rows=tuple({key: row.get(key) for key in columns} for row in rows), columns=columns, notes=(told, *notes)
    )


def _row(one: Drawn, lens: Looker) -> dict[str, Any]:
    weight, facts = one.held.weight, one.facts
    double = in_double(weight)
    finite = double[torch.isfinite(double)]
    largest = float(finite.abs().max()) if finite.numel() else 0.0
    path = one.held.where.rpartition(":")[0]
    bias = lens.parameters.get(f"{path}.bias".lstrip("."))
    usable = isinstance(bias, Tensor) and not bias.is_meta and bias.is_floating_point()
    own = one.held.where.endswith(":weight")
    return {
        "layer": one.held.where.removesuffix(":weight") if path else one.held.where,
        "kind": type(one.held.module).__name__ if path and one.held.module is not None else "",
        "shape": tuple(weight.shape),
        "mean": float(finite.mean()) if finite.numel() else None,
        "std": float(finite.std(unbiased=False)) if finite.numel() else None,
        "largest": largest,
        "distribution": _strip(as_array(finite), largest),
        "bias": float(in_double(bias.detach()).norm()) if usable and own and bias is not None else None,
        **{key: facts[key] for key in _COLUMNS if key in facts},
    }


def _strip(numbers: np.ndarray, largest: float) -> np.ndarray:
    """Counts in bins of equal width between plus and minus the largest absolute value, zero in the middle one."""
    return np.histogram(numbers, STRIP, (-(largest or 1.0), largest or 1.0))[0].astype(np.float32)
