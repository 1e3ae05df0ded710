import numpy as np
import pytest

from pellucid.results.base import Base


@pytest.mark.parametrize(
    ("base", "grid"),
    [
        (Base("image", np.zeros((2, 5, 7, 3))), (5, 7)),
        (Base("series", np.zeros((2, 3, 9))), (9,)),
        (Base("volume", np.zeros((2, 1, 3, 4, 5))), (3, 4, 5)),
        (Base("features", np.zeros((2, 6))), (6,)),
        (Base("array", np.zeros((2, 6, 7))), (6, 7)),
        (Base("tokens", None, (("a", "b"), ("a", "b", "c"))), (3,)),
        (Base("tokens", None, ()), (0,)),
        (Base("image"), ()),
    ],
)
def test_the_grid_of_a_heat_map(base, grid):
    assert base.grid == grid
