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
        down, across: labels of the last two leading axes, where matrices are laid out by them: one axis downward, the
            other to the right. Examples, where they go downward, need no labels.
        words: per example the words of a text that the last axis is: each row is drawn as that text, coloured.
    """

    kind: ClassVar[str] = "matrix"
    rows: tuple[Text | str, ...] = ()
    columns: tuple[Text | str, ...] = ()
    panels: tuple[Text | str, ...] = ()
    down: tuple[Text | str, ...] = ()
    across: tuple[Text | str, ...] = ()
    words: tuple[tuple[str, ...], ...] = ()
