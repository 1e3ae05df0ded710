import numpy as np

from pellucid.results.encode import decode, encode, to_json
from tests.results import samples


def test_positions_are_the_values():
    result = samples.points()
    assert result.positions is result.values


def test_thumbnails_are_arrays_and_come_back_under_their_points():
    result = samples.points(thumbnails={3: samples.picture(1, 6).values[0], 39: np.zeros((4, 2, 3))})
    again = decode(encode(result))
    assert list(again.thumbnails) == [3, 39] and again == result
    np.testing.assert_array_equal(again.thumbnails[3], result.thumbnails[3])
    assert result != samples.points() and b'"thumbnails"' in to_json(result)
