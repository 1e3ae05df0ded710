import pytest
import torch

from pellucid.engine.cones.operations import enlarging, multiplications, trains, window_of

X, W = torch.ones(1, 4, 8, 8), torch.ones(6, 2, 3, 5)


def test_a_convolution_by_position_and_by_name():
    by_place = window_of("conv2d", (X, W, None, 2, (1, 0), 3, 2), {})
    by_name = window_of("conv2d", (X, W), {"stride": (2, 2), "padding": [1, 0], "dilation": 3, "groups": 2})
    assert by_place.reach == by_name.reach and by_place.given["groups"] == by_name.given["groups"] == 2
    assert (by_place.reach.kernel, by_place.reach.padding) == ((3, 5), (1, 0))
    assert window_of("conv2d", (X, W), {"padding": "same"}).reach.padding == (1, 2)
    assert window_of("conv2d", (X, W, None, 1, "valid"), {}).reach.padding == (0, 0)


def test_pools():
    largest = window_of("max_pool2d", (X, 3), {"stride": None, "padding": 1, "ceil_mode": True})
    assert largest.reach.stride == (3, 3) and largest.blank == -float("inf")
    assert window_of("avg_pool2d", (X, 2, 1), {}).reach.stride == (1, 1)
    assert window_of("avg_pool2d", (X, 3, 1, 1, False, False), {}) is None
    assert window_of("avg_pool2d", (X, 3, 1, 0, False, False), {}) is not None
    assert window_of("avg_pool2d", (X, 3), {"ceil_mode": True}) is None
    assert window_of("max_pool2d", (X, 3), {"return_indices": True}) is None


def test_what_is_not_such_a_call():
    assert window_of("linear", (X, W), {}) is None and window_of("conv2d", (X, None), {}) is None
    assert window_of("conv_transpose2d", (X, W, None, 4), {}) is None


@pytest.mark.parametrize(
    ("grid", "out", "kwargs", "times"),
    [((4, 5), (8, 15), {}, (2, 3)), ((4, 5), (8, 16), {}, None), ((4,), (8,), {"mode": "linear"}, None)],
)
def test_interpolation(grid, out, kwargs, times):
    found = enlarging("interpolate", kwargs, grid, out)
    assert (None if found is None else found.reach.kernel) == times


def test_training():
    assert not trains("relu", (X,), {})
    assert trains("dropout", (X, 0.5), {}) and not trains("dropout", (X, 0.5, False), {})
    assert trains("batch_norm", (X, None, None), {"training": True})
    assert not trains("batch_norm", (X, W, W, None, None, False), {})


def test_multiplications():
    assert multiplications("conv2d", [(1, 4, 8, 8), (6, 2, 3, 5)], (1, 6, 6, 4)) == 6 * 6 * 4 * 2 * 3 * 5
    assert multiplications("linear", [(1, 7), (5, 7)], (1, 5)) == 35
    assert multiplications("conv_transpose2d", [(1, 4, 3, 3), (4, 2, 2, 2)], (1, 2, 6, 6)) == 36 * 8
    assert (
        multiplications("scaled_dot_product_attention", [(1, 2, 5, 4), (1, 2, 7, 4)], (1, 2, 5, 4)) == 2 * 2 * 5 * 7 * 4
    )
    assert multiplications("relu", [(1, 4)], (1, 4)) == 0
