"""Matrix: numbers by row and column, possibly many matrices."""

from dataclasses import dataclass
from typing import ClassVar

from pellucid.core.text import Text
from pellucid.results.result import Result


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Matrix(Result):
    """`values (..., row, column)`; leading axes become small multiples.

    Args:
        rows, columns: labels of the last two axes.
        panels: label of each matrix in the order of the flattened leading axes.
    """

    kind: ClassVar[str] = "matrix"
    rows: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    panels: tuple[Text | str, ...] = ()
