import numpy as np
import pytest

from pellucid.core.provenance import TargetInfo
from pellucid.results import Gallery, Matrix
from pellucid.results.describe import describe
from tests.results import samples


@pytest.mark.parametrize("kind", samples.KINDS)
def test_two_to_four_sentences_and_the_caveat(kind):
    result = samples.KINDS[kind]()
    english, chinese = describe(result), describe(result, "zh")
    assert english.endswith("What it cannot tell: fine detail.")
    assert chinese.endswith("它不能说明的是：细节。")
    assert "{" not in english + chinese
    assert 1 <= chinese.count("。") - 1 <= 4


def test_a_result_without_words_has_no_caveat():
    assert "cannot" not in describe(Matrix(values=np.eye(3)))


def test_what_is_not_finite_comes_first():
    values = np.ones((1, 4, 4), "f4")
    values[0, 0, :2] = np.nan, np.inf
    assert describe(samples.attribution(values=values)).startswith("2 of 16 values are not finite")
    values[0, 0, 1] = 1
    assert describe(samples.attribution(values=values)).startswith("1 of 16 values is not finite")
    assert describe(samples.attribution(values=np.full((1, 2, 2), np.nan))).startswith("No value is finite")


def test_gaps_of_curves_are_their_normal_form():
    assert "not finite" not in describe(samples.series())


def test_a_saturated_softmax_is_named():
    sure = TargetInfo("tabby", (281,), 40.0, 0.99997)
    assert "softmax is saturated (probability >0.9999)" in describe(samples.attribution(targets=(sure,)))
    assert "saturated" not in describe(samples.attribution())


def test_dead_channels_are_named():
    assert "3 of 64 channels are dead" in describe(samples.gallery(facts={"dead_channels": 3, "channels": 64}))
    assert "dead" not in describe(samples.gallery(facts={"dead_channels": 0, "channels": 64}))


def test_nothing():
    assert describe(Gallery(values=np.zeros(0))) == "There is nothing in this result."


def test_gaps_between_steps_are_no_reason_for_distrust():
    values = np.array([[-1.0, np.nan], [-2.0, -3.0]])
    grid = Matrix(values=values, axes=("layer", "step"), rows=("a", "b"), columns=("0", "9"))
    assert "distrust" not in describe(grid) and "The largest value, -1, is at a → step 0" in describe(grid)
    assert describe(grid.with_(axes=("query", "key"))).startswith("1 of 4 values is not finite")
