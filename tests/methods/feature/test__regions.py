"""Regions: cut with what overhangs marked, averaged over what is there, and lit where nothing can be cut."""

import numpy as np
import pytest
import torch

import pellucid as pl
from pellucid.core.sites import Place
from pellucid.engine.passes import Spot
from pellucid.engine.roles import Layout
from pellucid.methods.feature import _regions
from pellucid.methods.feature._regions import cut, mean_and_medoid, of_channels, picture_of
from tests.methods.feature.planted import matched, planted

PICTURE = np.arange(20, dtype=np.float32).reshape(4, 5)[..., None] * np.ones(3, np.float32)


@pytest.mark.parametrize("box", [((1, 3), (2, 4)), ((-2, 2), (3, 7)), ((-1, 6), (-3, 8)), ((3, 9), (0, 5))])
def test_a_cut_holds_the_input_where_there_is_some_and_nothing_elsewhere(box: tuple[tuple[int, int], ...]) -> None:
    made = cut(PICTURE, box)
    (top, bottom), (left, right) = box
    assert made.shape == (bottom - top, right - left, 3)
    for i in range(top, bottom):
        for j in range(left, right):
            inside = 0 <= i < 4 and 0 <= j < 5
            assert (
                np.array_equal(made[i - top, j - left], PICTURE[i, j])
                if inside
                else np.isnan(made[i - top, j - left]).all()
            )


def test_a_series_is_cut_along_its_one_axis() -> None:
    assert cut(np.arange(5.0), ((-1, 2),)).tolist()[1:] == [0.0, 1.0] and np.isnan(cut(np.arange(5.0), ((-1, 2),))[0])


def test_the_mean_counts_what_is_there() -> None:
    a, b, c = (np.full((2, 2, 3), value, np.float32) for value in (0.0, 0.6, 0.9))
    a[0, 0] = b[0, 0] = np.nan
    c[1, 1] = np.nan
    mean, spread, medoid = mean_and_medoid([a, b, c])
    assert np.allclose(mean[0, 0], 0.9) and np.allclose(mean[0, 1], 0.5) and np.allclose(mean[1, 1], 0.3)
    assert np.allclose(spread[0, 0], 0) and np.allclose(spread[0, 1], np.std([0.0, 0.6, 0.9]))
    assert medoid == 1  # all of them overhang: 0.6 lies nearest to the others


def test_where_no_region_reaches_there_is_no_mean() -> None:
    pieces = [np.full((2, 2, 3), np.nan, np.float32) for _ in range(2)]
    for value, one in enumerate(pieces):
        one[0] = value
    mean, _, _ = mean_and_medoid(pieces)
    assert np.isnan(mean[1]).all() and np.allclose(mean[0], 0.5)


def test_a_piece_that_compares_with_nothing_is_no_medoid() -> None:
    """One pixel inside, equal to all others there, would win by what it does not show."""
    whole = [np.full((3, 3, 3), value, np.float32) for value in (0.0, 0.4, 1.0)]
    piece = np.full((3, 3, 3), np.nan, np.float32)
    for one in (*whole, piece):
        one[0, 0] = 0.2
    assert mean_and_medoid([piece, *whole])[2] == 2


def test_there_is_no_mean_of_one_or_of_different_sizes() -> None:
    assert mean_and_medoid([PICTURE]) is None and mean_and_medoid([PICTURE, PICTURE[1:]]) is None


def test_the_medoid_is_the_one_whose_summed_distance_is_least() -> None:
    pictures = np.random.default_rng(0).random((7, 4, 4, 3)).astype(np.float32)
    apart = [sum(((one - other) ** 2).mean() for other in pictures) for one in pictures]
    assert mean_and_medoid(list(pictures))[2] == int(np.argmin(apart))


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_pictures_of_any_number_of_channels(channels: int) -> None:
    picture = picture_of(pl.Lens(matched(channels)).read(planted(channels)[:1]))
    assert picture.shape == (20, 20, 3) and picture.min() == 0 and picture.max() == 1
    if channels != 3:
        assert np.array_equal(picture[..., 0], picture[..., 2])


def test_rows_have_no_picture() -> None:
    assert picture_of(pl.Lens(torch.nn.Linear(4, 2)).read(torch.rand(1, 4))) is None


def test_a_lit_picture_is_whole_where_the_channel_is_half_of_its_largest() -> None:
    layout = Layout("tokens", (2, 2), 1)
    excited = np.array([9.0, 0.0, 1.0, 0.5, -3.0], np.float32)  # the class token first
    lit = _regions._lit(np.ones((8, 8, 3), np.float32), excited, layout)
    assert np.allclose(lit[0, 7], 1) and np.allclose(lit[7, 0], 1)
    assert np.allclose(lit[0, 0], _regions._DIM) and np.allclose(lit[7, 7], _regions._DIM)
    for nowhere in (np.zeros(5, np.float32), np.full(5, -1, np.float32), np.full(5, np.nan, np.float32)):
        assert _regions._lit(np.ones((8, 8, 3), np.float32), nowhere, layout) is None


def test_words_stand_beside_the_one_that_is_read() -> None:
    names = tuple("abcdefghijklmnop")
    assert _regions._words(names, 0, 16) == "«a» b c d e f g"
    assert _regions._words(names, 8, 16) == "c d e f g h «i» j k l m n o"
    assert _regions._words((" the", " cat"), 1, 2) == "the «cat»"
    assert _regions._words((" the", " cat"), 0, 1) == "the cat", "a layer without tokens is of the whole text"


def test_a_place_is_on_the_grid_behind_the_class_token() -> None:
    layout = Layout("tokens", (3, 4), 1)
    assert _regions._position(layout, 0) is None and _regions._position(None, 5) is None
    assert _regions._position(layout, 1) == (0, 0) and _regions._position(layout, 12) == (2, 3)


def test_channels_light_a_picture_by_their_own_values() -> None:
    found = torch.arange(12.0).reshape(4, 3)
    assert of_channels(found, [2, 0]).tolist() == [[6, 7, 8], [0, 1, 2]]


def test_without_a_known_field_nothing_is_said_of_it() -> None:
    spot = Spot(Place("x"), "x", layout=Layout("channels_first", (3, 3)))
    assert _regions._seen(spot, (1, 1)) == {"box": None, "why": ""}
