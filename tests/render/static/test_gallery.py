import numpy as np
import pytest

from pellucid.render.static import gallery
from pellucid.results import Gallery
from tests.render.static.drawing import STYLE, drawn, words
from tests.results import samples


def tiles(figure):
    return [axes.get_position() for axes in figure.axes if axes.images and not axes.yaxis.get_ticklabels()]


@pytest.mark.parametrize("count", [1, 4, 7, 32, 64, 200])
@pytest.mark.parametrize("groups", [1, 3])
def test_tiles_never_overlap(count, groups):
    images = tuple(np.full((4 + i % 3, 5), float(i)) for i in range(count))
    named = tuple(f"group {i * groups // count}" for i in range(count)) if groups > 1 else ()
    boxes = tiles(
        drawn(gallery, Gallery(values=np.zeros(1), images=images, groups=named, captions=("a b c d e f g",) * count))
    )
    assert len(boxes) == min(count, gallery.MOST)
    for i, a in enumerate(boxes):
        for b in boxes[:i]:
            assert a.x1 <= b.x0 + 1e-6 or b.x1 <= a.x0 + 1e-6 or a.y1 <= b.y0 + 1e-6 or b.y1 <= a.y0 + 1e-6


def test_a_map_is_laid_over_its_picture_and_strong_cells_saturate():
    map_, picture = np.zeros((40, 40)), np.full((40, 40, 3), 0.5)
    map_[:4, :4], map_[0, 0] = 1.0, 9.0
    shown = Gallery(values=np.zeros(1), images=(map_, map_), beneath=(picture, None), signed=True)
    first, second = (axes.images[0].get_array() for axes in drawn(gallery, shown).axes[:2])
    assert np.ptp(first[20, 20]) < 1e-6 and 0.5 < first[20, 20, 0] < 0.9 < second[20, 20, 0]
    assert shown.scale.clipped == 99.0 and shown.scale.high < 9


def test_rows_of_four_are_large():
    images, groups = (np.ones((5, 5)),) * 8, ("a",) * 4 + ("b",) * 4
    alike = gallery.size(Gallery(values=np.zeros(1), images=images, groups=groups), STYLE)[0]
    assert alike > gallery.size(Gallery(values=np.zeros(1), images=images, groups=("a",) * 8), STYLE)[0] * 0.9
    assert (
        len({box.y0 for box in tiles(drawn(gallery, Gallery(values=np.zeros(1), images=images, groups=groups)))}) == 2
    )


def test_headings_captions_and_dead_tiles():
    seen = words(drawn(gallery, samples.gallery()))
    assert {"conv1", "conv2", "channel 0", "channel 4", "0"} <= set(seen)


def test_colour_pictures_are_drawn_as_they_are_without_a_bar():
    image = np.random.default_rng(0).random((5, 5, 3))
    figure = drawn(gallery, Gallery(values=np.zeros(1), images=(image,)))
    assert np.allclose(figure.axes[0].images[0].get_array(), image)
    assert len(figure.axes) == 1


def test_each_tile_may_have_its_own_scale():
    shared, own = (
        drawn(gallery, samples.gallery(scope=scope)).axes[1].images[0].get_array().max()
        for scope in ("gallery", "image")
    )
    assert own > shared
    assert "max" in words(drawn(gallery, samples.gallery(scope="image")))


def test_how_many_are_left_out():
    many = Gallery(values=np.zeros(1), images=(np.zeros((2, 2)),) * 200)
    assert gallery.remark(many, STYLE) == "The first 96 of 200 are shown."
    assert gallery.remark(samples.gallery(), STYLE) == ""


@pytest.mark.parametrize("each", [5, 9, 10])
def test_a_group_of_up_to_ten_tiles_is_one_row(each):
    images, groups = (np.ones((5, 5)),) * each * 3, tuple(f"g{i // each}" for i in range(each * 3))
    heights = {
        round(box.y0, 6) for box in tiles(drawn(gallery, Gallery(values=np.zeros(1), images=images, groups=groups)))
    }
    assert len(heights) == 3


def test_captions_of_neighbours_stay_apart():
    captions = ("medoid, 24.2, 4", "medoid, 19.7, 0", *("medoid, 14.5, 0",) * 70)
    result = Gallery(values=np.zeros(1), images=(np.zeros((5, 5, 3)),) * 72, captions=captions)
    side, _ = gallery._side(result)
    said = [line for text in words(drawn(gallery, result)) if "medoid" in text for line in text.split("\n")]
    assert said and all(gallery.measure.width(line, gallery.CAPTION) <= side + gallery.GAP / 5 for line in said)
