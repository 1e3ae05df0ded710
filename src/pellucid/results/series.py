"""Series: curves over one shared axis."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from pellucid.core.text import Text
from pellucid.results.array import as_array
from pellucid.results.result import Result


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Series(Result):
    """`values (curve, position)`, the curves stacked in the order of `curves`.

    Args:
        curves: name → `(position,)` array; NaN where a curve has no value.
        names: how a curve is called in words, where its key is not enough.
        positions: `(position,)` numbers, or empty for 0, 1, 2, …
        labels: a name per position (layers), or empty.
        position_unit: what the horizontal axis counts.
        log: whether the vertical axis is logarithmic.
        marks: position → words, drawn at that position ("vanishing").
        style: "line", "bar", "stack" (bars on top of each other, and their sum) or "histogram".
    """

    kind: ClassVar[str] = "series"
    values: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    curves: dict[str, np.ndarray] = field(default_factory=dict)
    names: dict[str, Text] = field(default_factory=dict)
    positions: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    position_unit: Text | str = ""
    log: bool = False
    marks: dict[int, Text] = field(default_factory=dict)
    style: str = "line"

    def called(self, curve: str) -> Text | str:
        """The name of a curve, in words."""
        return self.names.get(curve, curve)

    def __post_init__(self) -> None:
        object.__setattr__(self, "curves", {name: as_array(curve) for name, curve in self.curves.items()})
        if self.curves:
            object.__setattr__(self, "values", np.stack(list(self.curves.values())))
        object.__setattr__(self, "axes", self.axes or ("curve", "position"))
        super().__post_init__()
