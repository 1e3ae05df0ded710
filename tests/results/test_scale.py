import numpy as np
import pytest

from pellucid.results import Attribution, Base, Gallery, Matrix
from pellucid.results.caption import caption
from pellucid.results.scale import Scale, image_scale, scale_of
from tests.results import samples


def test_an_unsigned_map_starts_at_zero():
    scale = scale_of(Attribution(values=np.array([[[1.0, 4.0]]])))
    assert scale == Scale(0.0, 4.0, "inferno", None, "map", "", None)


def test_a_signed_map_is_symmetric_about_zero():
    scale = scale_of(Attribution(values=np.array([[[-1.0, 4.0]]]), signed=True))
    assert (scale.low, scale.high, scale.colours, scale.centre) == (-4.0, 4.0, "RdBu_r", 0.0)
    assert scale.relative(np.array([0.0, -9.0, 9.0])).tolist() == [0.5, 0.0, 1.0]


def test_a_norm_has_no_sign():
    base = Base("image", np.zeros((1, 2, 2, 3)))
    values = np.ones((1, 3, 2, 2)) * -1
    assert scale_of(Attribution(values=values, signed=True, reduction="l2", base=base)).colours == "inferno"
    assert scale_of(Attribution(values=values, signed=True, reduction="sum", base=base)).colours == "RdBu_r"


@pytest.mark.parametrize(
    ("values", "signed", "limits"),
    [
        pytest.param(np.zeros((1, 2, 2)), False, (0, 1), id="zeros"),
        pytest.param(np.zeros((1, 2, 2)), True, (-1, 1), id="signed zeros"),
        pytest.param(np.full((1, 2, 2), 3.0), False, (0, 3), id="constant"),
        pytest.param(np.full((1, 2, 2), -3.0), False, (-3, 0), id="negative constant"),
        pytest.param(np.full((1, 2, 2), np.nan), False, (0, 1), id="nan"),
        pytest.param(np.array([[[np.nan, np.inf, 2.0]]]), True, (-2, 2), id="some nan"),
        pytest.param(np.array([[[-5.0, -1.0]]]), False, (-5, -1), id="all negative"),
        pytest.param(np.full((1, 2, 2), 1e-30), False, (0, 1e-30), id="tiny"),
    ],
)
def test_limits_are_always_apart_and_finite(values, signed, limits):
    scale = scale_of(Attribution(values=values, signed=signed))
    assert (scale.low, scale.high) == pytest.approx(limits, rel=1e-6, abs=0)
    assert scale.low < scale.high
    assert np.isfinite(scale.relative(np.nan_to_num(values))).all()


def test_outliers_of_a_gradient_are_clipped_and_it_says_so():
    values = np.full((1, 1, 64, 64), 0.5)
    values[..., :20] = 1.0
    values[0, 0, 0, 0] = 1000.0
    base = Base("image", np.zeros((1, 64, 64, 3)))
    scale = scale_of(Attribution(values=values, reduction="max_abs", base=base))
    assert scale.clipped == 99.0
    assert scale.high == 1.0
    assert scale_of(Attribution(values=values[:, 0], base=base)).clipped is None
    assert scale_of(Attribution(values=values[:, 0], base=base)).high == 1000.0


def test_a_batch_shares_one_scale():
    values = np.stack([np.ones((2, 2)), np.full((2, 2), 5.0)])
    scale = scale_of(Attribution(values=values))
    assert (scale.high, scale.scope) == (5.0, "batch")


def test_limits_from_outside_win():
    result = samples.attribution(limits=(0.0, 50.0))
    assert (result.scale.low, result.scale.high, result.scale.scope) == (0.0, 50.0, "given")


def test_a_matrix_of_many_panels():
    assert scale_of(samples.matrix()).scope == "matrix"
    assert scale_of(Matrix(values=np.eye(3))).scope == "map"


def test_galleries_share_or_do_not():
    shared, own = samples.gallery(), samples.gallery(scope="image")
    assert shared.scale.colours == "viridis"
    assert image_scale(shared, 1) == image_scale(shared, 4) == shared.scale
    assert image_scale(own, 1).high == pytest.approx(float(own.images[1].max()))
    assert image_scale(own, 4).high == pytest.approx(float(own.images[4].max()))
    assert own.scale.scope == "image"


def test_colour_pictures_have_no_scale():
    gallery = Gallery(values=np.zeros(1), images=(np.zeros((2, 2, 3)),))
    assert gallery.scale is None
    assert image_scale(gallery, 0) is None


@pytest.mark.parametrize("kind", ["graph", "series", "points", "table"])
def test_kinds_without_a_scale(kind):
    assert samples.KINDS[kind]().scale is None


def test_many_matrices_on_one_scale_saturate_where_few_numbers_are_far_larger():
    values = np.full((1, 2, 3, 20, 20), 0.01)
    values[0, 0, 0, 0, :4] = 1
    plain = Matrix(values=values)
    assert (plain.scale.high, plain.scale.clipped) == (1, None)
    grid = plain.with_(down=("a", "b"), across=("0", "1", "2"))
    assert grid.scale.high == pytest.approx(0.01) and grid.scale.clipped == 99


@pytest.mark.parametrize(("count", "percentile"), [(4, 70), (12, 90), (21, 95), (200, 95)])
def test_attention_on_words_saturates_where_one_word_of_each_row_takes_nearly_all(count, percentile):
    values = np.full((1, 6, count), 0.01)
    values[0, :, 0] = 0.9
    words = (tuple("w" * count),)
    rows = Matrix(values=values, axes=("batch", "head", "key"), words=words)
    assert rows.scale.clipped == percentile and rows.scale.high == pytest.approx(0.01)
    assert f"saturated at the {percentile}th percentile" in caption(rows)
    for other in (rows.with_(words=()), rows.with_(axes=("batch", "position", "token")), rows.with_(signed=True)):
        assert (other.scale.high, other.scale.clipped) == (0.9, None)


def test_attention_on_words_keeps_its_scale_where_no_word_stands_out():
    even = Matrix(values=np.full((1, 2, 8), 0.125), axes=("batch", "head", "key"), words=(tuple("abcdefgh"),))
    assert (even.scale.high, even.scale.clipped) == (0.125, None)
