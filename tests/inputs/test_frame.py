import numpy as np
import pandas as pd
import pytest

from pellucid.core.errors import BadInput
from pellucid.inputs.frame import is_frame, rows_of

TABLE = pd.DataFrame({"age": [30, 41], "paid": [True, False], "sum": [1.5, 2.5]})


def test_table_and_row() -> None:
    values, names = rows_of(TABLE, None)
    assert names == ("age", "paid", "sum") and values.dtype == np.float32
    np.testing.assert_array_equal(values, [[30, 1, 1.5], [41, 0, 2.5]])
    values, names = rows_of(TABLE.iloc[1], None)
    np.testing.assert_array_equal(values, [[41, 0, 2.5]])


def test_features_choose_and_order_the_columns() -> None:
    values, names = rows_of(TABLE, ["sum", "age"])
    assert names == ("sum", "age")
    np.testing.assert_array_equal(values, [[1.5, 30], [2.5, 41]])


def test_missing_column_tells_the_nearest() -> None:
    with pytest.raises(BadInput, match="no column 'agee'") as caught:
        rows_of(TABLE, ["agee"])
    assert "'age'" in caught.value.nearest


def test_words_and_empty_cells() -> None:
    with pytest.raises(BadInput, match="'town' do not hold numbers"):
        rows_of(TABLE.assign(town=["Ulm", "Bonn"]), None)
    with pytest.raises(BadInput, match="1 empty cells, the first in row 1, column 'sum'"):
        rows_of(TABLE.assign(sum=[1.0, None]), None)


def test_only_pandas_is_a_frame() -> None:
    assert is_frame(TABLE) and is_frame(TABLE.iloc[0]) and not is_frame(np.zeros(3)) and not is_frame({})
