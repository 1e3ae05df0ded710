import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pellucid.core.errors import BadSetting
from pellucid.ops.windows import averaged, one_per_axis, sliding_windows

sides = st.integers(1, 12)


def test_places_in_order():
    assert sliding_windows((5,), (2,), (2,)).tolist() == [[[0, 2]], [[2, 4]], [[4, 5]]]
    assert sliding_windows((2, 3), (2, 2), (1, 1)).tolist() == [[[0, 2], [0, 2]], [[0, 2], [1, 3]]]
    assert sliding_windows((3,), (9,), (4,)).tolist() == [[[0, 3]]]


@given(side=sides, width=sides, data=st.data())
def test_every_cell_is_held_and_only_the_last_window_is_cut(side, width, data):
    stride = data.draw(st.integers(1, width))
    windows = sliding_windows((side,), (width,), (stride,))[:, 0].tolist()
    assert {cell for start, stop in windows for cell in range(start, stop)} == set(range(side))
    assert all(stop - start == width for start, stop in windows[:-1]) and windows[-1][1] == side
    assert [start for start, _ in windows] == list(range(0, stride * len(windows), stride))


def test_the_mean_of_the_windows_that_hold_a_cell():
    windows = sliding_windows((4,), (2,), (1,))
    values = torch.tensor([1.0, 2.0, 6.0], dtype=torch.float64)
    assert averaged(windows, values, (4,)).tolist() == [1.0, 1.5, 4.0, 6.0]
    assert averaged(windows[:1], values[:1], (4,)).tolist() == [1.0, 1.0, 0.0, 0.0]


@given(value=st.floats(-5, 5))
def test_equal_values_give_a_flat_map(value):
    windows = sliding_windows((7, 5), (3, 2), (2, 1))
    made = averaged(windows, torch.full((len(windows),), value, dtype=torch.float64), (7, 5))
    torch.testing.assert_close(made, torch.full((7, 5), value, dtype=torch.float64))


def test_one_number_for_each_axis():
    assert one_per_axis("size", None, (3, 4)) == (3, 4)
    assert one_per_axis("size", 5, (3, 4)) == (5, 5)
    assert one_per_axis("size", (1, 2), (3, 4)) == (1, 2)
    for wrong in ((1,), (1, 0), 0):
        with pytest.raises(BadSetting, match="size="):
            one_per_axis("size", wrong, (3, 4))
