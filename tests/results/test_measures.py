import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as npst

from pellucid.results.measures import half_mask, half_share, is_flat, longest_path, ninths
from tests.results import samples


@pytest.mark.parametrize(
    ("weights", "share"),
    [
        pytest.param(np.ones(100), 0.5, id="even"),
        pytest.param(np.eye(10)[0], 0.1, id="one"),
        pytest.param(np.array([3.0, 1, 1, 1]), 0.25, id="half in one"),
        pytest.param(np.array([np.nan, 1, 0, 0]), 0.25, id="nan counts as nothing"),
    ],
)
def test_the_share_that_holds_half(weights, share):
    assert half_share(weights) == share
    assert half_mask(weights).mean() == share


def test_nothing_has_no_half():
    assert np.isnan(half_share(np.zeros(4)))


@given(npst.arrays(np.float64, (4, 5), elements={"min_value": 0, "max_value": 100}))
def test_the_mask_holds_half(weights):
    if weights.sum() > 1e-6:
        assert weights[half_mask(weights)].sum() >= weights.sum() / 2 * (1 - 1e-6)


def test_ninths_are_shares_of_the_picture_row_by_row():
    parts = ninths(samples.blob(30, 30, 0.15, 0.85, 0.05))
    assert parts.argmax() == 2
    assert parts.sum() == pytest.approx(1)
    assert ninths(np.ones((9, 9))) == pytest.approx([1 / 9] * 9)


def test_flatness():
    assert is_flat(np.full(5, 0.3, "f4"))
    assert is_flat(np.array([1.0, np.nan, 1.0]))
    assert not is_flat(np.array([1.0, 1.01]))
    assert not is_flat(np.full(3, np.nan))


def test_longest_path():
    assert longest_path(np.array([[0, 1], [1, 3], [0, 3], [2, 3]]), 4) == 3
    assert longest_path(np.zeros((0, 2), int), 0) == 0
