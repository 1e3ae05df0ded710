"""Rows of a pandas table, without importing pandas."""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from pellucid.core.errors import BadInput, nearest_names, quoted
from pellucid.core.text import Text


def is_frame(x: Any) -> bool:
    """Whether `x` is a pandas DataFrame or Series; False where nobody has imported pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(x, (pandas.DataFrame, pandas.Series))


def rows_of(frame: Any, features: Sequence[str] | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """The numbers `(row, feature)` of a frame, or of one row given as a Series, and the features' names.

    Args:
        features: the columns that the model takes, in its order; None takes all columns in theirs.
    Raises:
        BadInput: a column is missing, does not hold numbers, or has an empty cell.
    """
    table = frame.to_frame().T.infer_objects() if frame.ndim == 1 else frame
    names = [str(name) for name in table.columns]
    if features is not None:
        missing = [name for name in features if name not in names]
        if missing:
            raise BadInput(
                Text(f"The table has no column {quoted(missing[:5])}.", f"表中没有列 {quoted(missing[:5])}。"),
                nearest=quoted(nearest_names(missing[0], names)),
                hint=Text("features= names the columns that the model takes", "features= 指定模型所用的列"),
            )
        table = table.iloc[:, [names.index(name) for name in features]]
        names = list(features)
    words = [name for name, kind in zip(names, table.dtypes, strict=True) if getattr(kind, "kind", "O") not in "biuf"]
    if words:
        raise BadInput(
            Text(f"The columns {quoted(words[:5])} do not hold numbers.", f"列 {quoted(words[:5])} 不是数值。"),
            hint=Text(
                "encode them as the model was trained, or leave them out by features=",
                "请按训练时的方式编码，或用 features= 略去",
            ),
        )
    values = table.to_numpy(dtype=np.float64, na_value=np.nan)
    if np.isnan(values).any():
        row, column = np.argwhere(np.isnan(values))[0]
        raise BadInput(
            Text(
                f"The table has {int(np.isnan(values).sum())} empty cells, the first in row {row}, "
                f"column '{names[column]}'.",
                f"表中有 {int(np.isnan(values).sum())} 个空单元格，第一个位于第 {row} 行 '{names[column]}' 列。",
            ),
            hint=Text("fill them as the model was trained", "请按训练时的方式填补"),
        )
    return values.astype(np.float32), tuple(names)
