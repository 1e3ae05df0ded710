"""Points: things placed in a plane."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from pellucid.core.text import Text
from pellucid.results.array import as_array
from pellucid.results.result import Result


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Points(Result):
    """`values (point, 2)`: positions.

    Args:
        labels: a name per point.
        groups: a group per point; groups are told apart by colour and marker.
        axis_names: what the two axes are.
        thumbnails: point → a picture `(height, width, 3)` in 0..1 that is drawn beside it, the first ones first where
            there is no room for all.
        one_scale: whether both axes are drawn on one scale, because distances between points mean something.
    """

    kind: ClassVar[str] = "points"
    labels: tuple[Text | str, ...] = ()
    groups: tuple[Text | str, ...] = ()
    axis_names: tuple[Text | str, Text | str] = ("", "")
    thumbnails: dict[int, np.ndarray] = field(default_factory=dict)
    one_scale: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "thumbnails", {int(i): as_array(one) for i, one in self.thumbnails.items()})
        super().__post_init__()

    @property
    def positions(self) -> np.ndarray:
        """`(point, 2)`."""
        return self.values
