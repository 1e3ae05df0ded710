import numpy as np

from pellucid.results.series import Series


def test_values_are_the_curves_in_order():
    series = Series(curves={"b": [1.0, 2.0], "a": np.array([3.0, np.nan])})
    assert series.values.shape == (2, 2)
    assert series.values[0].tolist() == [1, 2]
    assert series.axes == ("curve", "position")
    assert Series().values.shape == (0, 0)
