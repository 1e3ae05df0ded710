import numpy as np

from pellucid.core.text import Text
from pellucid.results.table import Table


def test_values_are_the_numeric_columns():
    rows = (
        {"a": 1, "b": "x", "c": None, "d": True, "e": np.float32(0.5)},
        {"a": 2.5, "b": "y", "c": 3, "d": False, "e": 1},
    )
    table = Table(rows=rows, columns={key: Text(key) for key in "abcde"})
    assert table.facts["numeric"] == ("a", "c", "e")
    assert np.array_equal(table.values, [[1, np.nan, 0.5], [2.5, 3, 1]], equal_nan=True)


def test_tables_without_rows_or_numbers():
    assert Table(columns={"a": Text("a")}).values.shape == (0, 1)
    assert Table(rows=({"a": "x"},), columns={"a": Text("a")}).values.shape == (1, 0)
