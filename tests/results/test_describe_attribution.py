import numpy as np
import pytest

from pellucid.results import Attribution, Base
from pellucid.results.describe_attribution import attribution, said_target, weights
from tests.results import samples


def told(result):
    return " ".join(sentence.en for sentence in attribution(result))


@pytest.mark.parametrize(
    ("row", "column", "place"),
    [
        (0.15, 0.15, "upper left"),
        (0.15, 0.85, "upper right"),
        (0.5, 0.5, "centre"),
        (0.85, 0.15, "lower left"),
        (0.85, 0.5, "bottom"),
        (0.5, 0.85, "right side"),
    ],
)
def test_where_the_evidence_is(row, column, place):
    result = samples.attribution(values=samples.blob(21, 21, row, column, 0.06)[None], base=None)
    assert f"mostly in the {place}." in told(result)
    assert "highly concentrated" in told(result)
    assert "“tabby” (71%)" in told(result)


def test_evidence_in_two_places():
    values = samples.blob(30, 30, 0.15, 0.15, 0.05) + samples.blob(30, 30, 0.85, 0.85, 0.05)
    assert "mostly in the upper left and the lower right" in told(samples.attribution(values=values[None], base=None))


def test_the_share_is_that_of_the_picture():
    values = np.zeros((1, 10, 10), "f4")
    values[0, :2, :2] = 1
    assert "lies in 2% of the map" in told(samples.attribution(values=values, base=None))


def test_an_even_map_is_flat_and_noise_is_spread():
    assert "flat: all values are 0.3" in told(samples.attribution(values=np.full((1, 7, 7), 0.3, "f4")))
    noise = np.random.default_rng(0).random((1, 60, 60)).astype("f4")
    assert "spread over all of it" in told(samples.attribution(values=noise, base=None))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.array([3.0, -1.0]), "25% of the absolute attribution speaks against"),
        (np.array([3.0, 1.0]), "Nothing speaks against"),
        (np.array([-3.0, -1.0]), "Everything speaks against"),
    ],
)
def test_the_sign(values, said):
    assert said in told(Attribution(values=values.reshape(1, 1, 2), signed=True))
    assert "against" not in told(Attribution(values=np.abs(values).reshape(1, 1, 2)))


def test_a_map_that_the_relu_removed():
    zero = np.zeros((1, 7, 7), "f4")
    assert "the ReLU of the formula removed it" in told(samples.attribution(values=zero))
    plain = samples.attribution(values=zero, provenance=samples.provenance(settings={}))
    assert told(plain) == "All values are exactly zero."


def test_tokens_are_named_with_their_values():
    assert "“wonderful” (+1.5), “film” (+0.3), “was” (-0.2)" in told(samples.tokens())


def test_series_and_volumes_name_positions():
    line = np.zeros((1, 100))
    line[0, 40:45] = 1
    assert "between 40 and 42" in told(Attribution(values=line, base=Base("series", np.zeros((1, 1, 100)))))
    body = np.zeros((1, 8, 4, 4))
    body[0, 3] = 1
    assert "in slices 3 to 3" in told(Attribution(values=body, base=Base("volume", np.zeros((1, 1, 8, 4, 4)))))


def test_several_examples():
    values = np.stack([samples.blob(7, 7, 0.2, 0.2), np.zeros((7, 7), "f4")])
    assert "1 of 2 examples has a map that is zero everywhere" in told(samples.attribution(values=values, base=None))
    assert "This is example 1 of 2; over all" in told(samples.attribution(values=values + 0.1 * values[:1], base=None))


def test_targets_in_a_sentence():
    assert said_target(None).en == "the target"
    assert said_target(samples.TABBY).zh == "“tabby”（71%）"


def test_weights_are_what_speaks_for_the_target():
    result = Attribution(values=np.array([[[-1.0, 2.0]]]), signed=True)
    share, sign = weights(result, result.heat[0])
    assert (share.tolist(), sign) == ([[0, 2]], "positive")


def test_one_step_of_a_series_is_a_place_and_not_a_stretch():
    values = np.zeros((1, 1, 20), "f4")
    values[0, 0, 19] = 1
    result = Attribution(values=values, base=Base("series", values=np.zeros((1, 1, 20))), reduction="sum")
    assert "most of it at 19." in told(result)
    assert "大多在 19 处。" in attribution(result)[0].zh
