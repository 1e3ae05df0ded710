"""Table: records with named columns."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from pellucid.core.text import Text
from pellucid.results.result import Result
from pellucid.results.series import Series

Cell = Any  # str, bool, int, float, None, tuple of int (a shape) or a small ndarray: 2-D a picture, 1-D a strip


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Table(Result):
    """`values (row, numeric column)`; everything else is in `rows`.

    Args:
        rows: records, every one with the keys of `columns`.
        columns: key → heading with unit.
        beside: curves drawn next to the table.
    """

    kind: ClassVar[str] = "table"
    values: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float64))
    rows: tuple[dict[str, Cell], ...] = ()
    columns: dict[str, Text] = field(default_factory=dict)
    beside: tuple[Series, ...] = ()

    def __post_init__(self) -> None:
        numeric = [key for key in self.columns if all(_is_number(row.get(key)) for row in self.rows)]
        numbers = [[float("nan") if row.get(key) is None else float(row[key]) for key in numeric] for row in self.rows]
        object.__setattr__(self, "values", np.array(numbers, dtype=np.float64).reshape(len(self.rows), len(numeric)))
        object.__setattr__(self, "axes", ("row", "column"))
        object.__setattr__(self, "facts", {**self.facts, "numeric": tuple(numeric)})
        super().__post_init__()


def _is_number(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, (int, float, np.integer, np.floating)) and not isinstance(cell, bool))
