"""The verdict on a gradient's way back."""

import numpy as np
import pytest

from pellucid.methods.gradient._flow import marked, said, slope_of


@pytest.mark.parametrize(
    ("flow", "verdict", "places"),
    [
        ([1.0, 1.0], "steady", []),
        ([0.05, 1.0], "falling", []),
        ([20.0, 1.0], "rising", []),
        ([1e-4, 1.0], "vanishing", [0]),
        ([1.0, 1e4, 1.0], "exploding", [1]),
        ([0.0, 0.0], "zero", [0, 1]),
        ([0.0, 1.0], "vanishing", [0]),
        ([np.nan, 1.0], "not finite", [0]),
    ],
)
def test_the_verdict(flow, verdict, places):
    marks, found = marked(np.array(flow))
    assert (found, list(marks)) == (verdict, places)
    words = said(found, 2.0, len(marks), len(flow))
    assert verdict in words.en and words.zh and ("× 2" in words.en) == (verdict != "not finite")


def test_the_slope_is_the_factor_per_layer():
    assert slope_of(0.3 ** np.arange(5, 0, -1.0)) == pytest.approx(0.3)
    assert slope_of(np.array([0.0, np.nan, 2.0, 4.0])) == pytest.approx(0.5)
    assert np.isnan(slope_of(np.array([1.0, 0.0])))
