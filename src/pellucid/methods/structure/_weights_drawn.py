"""One weight as tiles and as a histogram, alone or beside what it was."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pellucid.core.messages import message
from pellucid.core.text import Text
from pellucid.methods.structure._weights_held import Held
from pellucid.ops.kernels import SAME, filters_first, is_transposed, near_copies
from pellucid.ops.precision import in_double
from pellucid.ops.tiles import angular_order, kernel_tiles
from pellucid.results import Gallery, Series
from pellucid.results.array import as_array

NEAR_ZERO = 1e-3
_UNIT = Text("weight", "权重值")
_NOW, _BEFORE, _CHANGE = Text("now", "现在"), Text("before", "之前"), Text("change", "变化")
_STRONGEST = Text(
    "“2 ← 5”: of filter 2 the kernel over its input channel 5 is drawn, the one with the largest norm.",
    "“2 ← 5”：滤波器 2 只画输入通道 5 上的核，即范数最大的那个。",
    aside=True,
)
_ROWS = Text("A row is an output, a column an input.", "每行是一个输出，每列是一个输入。", aside=True)
_ROWS_OF_TABLE = Text("A row is an entry, a column a feature.", "每行是一个条目，每列是一个特征。", aside=True)
_AXES = {
    1: ("out",),
    2: ("out", "in"),
    3: ("filter", "channel", "time"),
    4: ("filter", "channel", "height", "width"),
    5: ("filter", "channel", "depth", "height", "width"),
}


@dataclass(frozen=True, eq=False)
class Drawn:
    """A weight that is shown.

    Args:
        held: the weight.
        before: that of another checkpoint; None if it has none.
        compared: whether there is another checkpoint.
    """

    held: Held
    before: Tensor | None = None
    compared: bool = False

    @property
    def change(self) -> Tensor | None:
        """Now less before, in the precision of now."""
        return None if self.before is None else self.held.weight - self.before.to(self.held.weight)

    @property
    def is_matrix(self) -> bool:
        """Whether it is drawn as a whole."""
        weight = self.held.weight
        return weight.ndim < 3 or weight[0, 0].numel() == 1

    @property
    def facts(self) -> dict[str, Any]:
        """Numbers of the whole weight."""
        weight = self.held.weight
        ordered = filters_first(weight, self.held.module)
        finite = weight[torch.isfinite(weight)]
        largest = float(finite.abs().max()) if finite.numel() else 0.0
        lengths = in_double(ordered).flatten(1).norm(dim=1) if weight.ndim > 1 else in_double(weight).abs()
        copies = (
            {"nearly copies": near_copies(ordered), "copies": near_copies(ordered, SAME)} if weight.ndim > 1 else {}
        )
        broken = weight.numel() - finite.numel()
        return {
            "norm": float(in_double(weight).norm()),
            "near zero": float(in_double(weight.abs() <= NEAR_ZERO * largest).mean()),
            "filters": ordered.shape[0],
            "empty filters": int((lengths <= NEAR_ZERO * lengths.nan_to_num(0.0).max()).sum()),
            **{name: count for name, count in copies.items() if count is not None},
            **({"not finite": broken} if broken else {}),
            **self.moved,
        }

    @property
    def moved(self) -> dict[str, float]:
        """How far it is from before."""
        if self.before is None or self.change is None:
            return {}
        now, before, change = (in_double(one.cpu()) for one in (self.held.weight, self.before, self.change))
        length = float(before.norm())
        both = float(now.norm()) * length
        return {
            "change": float(change.norm()),
            "relative change": float(change.norm()) / length if length else float("nan"),
            "cosine": float((now * before).sum()) / both if both else float("nan"),
        }

    def notes(self, kernels: str, scale: str, most: int, seriate: bool) -> tuple[Text, ...]:
        """How the tiles were made."""
        weight = self.held.weight
        filters = filters_first(weight, self.held.module)
        colour = weight.ndim == 4 and filters.shape[1] == 3 and kernels == "strongest" and not self.is_matrix
        found = [replace(message("gallery.colour_tiles"), aside=True)] if colour else []
        if self.is_matrix and weight.ndim > 1:
            found.append(_ROWS_OF_TABLE if isinstance(self.held.module, nn.Embedding) else _ROWS)
        if kernels == "strongest" and not (colour or self.is_matrix) and filters.shape[1] > 1:
            found.append(_STRONGEST)
        if not self.is_matrix and len(filters) > most:
            found.append(
                Text(
                    f"The first {most} of {len(filters)} filters.",
                    f"前 {most} 个滤波器，共 {len(filters)} 个。",
                    aside=True,
                )
            )
        if scale == "filter" and not self.is_matrix:
            found.append(
                Text(
                    "Each filter has its own scale: strong and weak ones look alike.",
                    "每个滤波器各用自己的色标：强弱看不出差别。",
                )
            )
        if kernels == "pca" and not self.is_matrix and filters.shape[1] > 1:
            found.append(
                Text(
                    "The pattern that explains most of a filter over its input channels, with its share of the squares.",
                    "对该滤波器各输入通道解释最多的图案，及其平方和占比。",
                    aside=True,
                )
            )
        if seriate and self.is_matrix and weight.ndim > 1:
            found.append(Text("Rows and columns are reordered: like beside like.", "行与列已重新排序：相似者相邻。"))
        return tuple(found)


def gallery(one: Drawn, most: int, kernels: str, scale: str, seriate: bool) -> Gallery:
    """The tiles of one weight; with another checkpoint those of now, before and change, on one scale."""
    weight, module = one.held.weight, one.held.module
    versions = [weight] if one.before is None or one.change is None else [weight, one.before.to(weight), one.change]
    ordered = [filters_first(value, module) for value in versions]
    facts = one.facts
    if seriate and one.is_matrix and weight.ndim > 1:
        rows, columns = angular_order(ordered[0].detach().cpu().flatten(1).nan_to_num(0.0, 0.0, 0.0))
        ordered = [value.cpu().flatten(1)[rows][:, columns] for value in ordered]
        facts |= {"rows": tuple(rows.tolist()), "columns": tuple(columns.tolist())}
    limit = 0.0 if scale == "filter" else _largest([value[:most] for value in ordered])
    made = [kernel_tiles(value, most, kernels, limit, ordered[0]) for value in ordered]
    shape = weight.ndim
    axes: tuple[str, ...] = _AXES.get(shape, ("filter", *(f"axis {i}" for i in range(1, shape))))
    headings = (_NOW, _BEFORE, _CHANGE) if len(made) > 1 else ()
    return Gallery(
        values=as_array(weight if one.change is None else one.change),
        axes=(*axes[1::-1], *axes[2:]) if is_transposed(module) else axes,
        images=tuple(tile for tiles, _, _ in made for tile in tiles),
        captions=tuple(caption for _, captions, _ in made for caption in captions),
        groups=tuple(heading for heading, (tiles, _, _) in zip(headings, made, strict=False) for _ in tiles),
        signed=kernels != "norm" or one.is_matrix,
        scope="image" if scale == "filter" else "gallery",
        layer=one.held.where,
        unit=_UNIT,
        facts=facts,
    )


def histogram(one: Drawn, bins: int) -> Series:
    """How many weights fall in each bin; with another checkpoint before and now, in the same bins."""
    versions = {"now": one.held.weight, **({} if one.before is None else {"before": one.before})}
    numbers = {name: as_array(in_double(value)).ravel() for name, value in versions.items()}
    numbers = {name: value[np.isfinite(value)] for name, value in numbers.items()}
    low = min((float(value.min()) for value in numbers.values() if value.size), default=0.0)
    high = max((float(value.max()) for value in numbers.values() if value.size), default=0.0)
    edges = np.histogram_bin_edges(np.array([low, high]), bins)
    return Series(
        curves={name: np.histogram(value, edges)[0].astype(np.float64) for name, value in numbers.items()},
        names={"now": _NOW if one.before is not None else Text(one.held.where), "before": _BEFORE},
        positions=tuple(((edges[1:] + edges[:-1]) / 2).tolist()),
        position_unit=_UNIT,
        unit=Text("count", "个数"),
        style="histogram",
        layer=one.held.where,
        facts={"edges": tuple(edges.tolist())},
    )


def _largest(values: list[Tensor]) -> float:
    return max(float(value.detach().abs().nan_to_num(0.0, 0.0).max()) for value in values) or 1.0
