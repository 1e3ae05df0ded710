"""Points: things placed in a plane."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pellucid.core.text import Text
from pellucid.results.result import Result


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Points(Result):
    """`values (point, 2)`: positions.

    Args:
        labels: a name per point.
        groups: a group per point; groups are told apart by colour and marker.
        axis_names: what the two axes are.
    """

    kind: ClassVar[str] = "points"
    labels: tuple[Text | str, ...] = ()
    groups: tuple[Text | str, ...] = ()
    axis_names: tuple[Text | str, Text | str] = ("", "")

    @property
    def positions(self) -> np.ndarray:
        """`(point, 2)`."""
        return self.values
