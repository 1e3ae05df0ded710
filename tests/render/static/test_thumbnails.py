import numpy as np
import pytest

from pellucid.render.static import points
from pellucid.results import Points
from tests.render.static.drawing import drawn


@pytest.fixture(scope="module")
def figure():
    rng = np.random.default_rng(0)
    pictures = {int(i): np.full((8 + i % 5, 10, 3), i / 200) for i in rng.choice(200, 12, replace=False)}
    return drawn(points, Points(values=rng.normal(size=(200, 2)), thumbnails=pictures))


def _boxes(figure):
    return [axes.get_window_extent() for axes in figure.axes[1:]]


def test_most_pictures_find_room_and_none_lies_over_another(figure):
    boxes = _boxes(figure)
    whole = figure.axes[0].get_window_extent()
    assert len(boxes) >= 10
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert all(whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0 and box.y1 <= whole.y1 for box in boxes)


def test_a_line_leads_from_each_picture_to_its_point(figure):
    dots = figure.axes[0].transData.transform(figure.axes[0].collections[0].get_offsets())
    for axes, line in zip(figure.axes[1:], figure.artists, strict=True):
        start, end = line.get_transform().transform(line.get_xydata())[[0, -1]]
        point = round(float(axes.images[0].get_array().flat[0]) * 200)
        np.testing.assert_allclose(start, dots[point], atol=0.5)
        box = axes.get_window_extent()
        assert box.x0 - 1 <= end[0] <= box.x1 + 1 and box.y0 - 1 <= end[1] <= box.y1 + 1
        others = [other for other in figure.axes[1:] if other is not axes]
        between = line.get_transform().transform(line.get_xydata())
        assert not any(other.get_window_extent().count_contains(between) for other in others)


def test_pictures_keep_their_proportions(figure):
    for axes in figure.axes[1:]:
        rows, columns = axes.images[0].get_array().shape[:2]
        box = axes.get_window_extent()
        assert box.width / box.height == pytest.approx(columns / rows, rel=1e-6)


def test_a_point_without_a_place_has_no_picture():
    result = Points(values=np.array([[0.0, 1], [np.nan, 2], [1, 1]]), thumbnails={1: np.zeros((2, 2, 3))})
    assert len(drawn(points, result).axes) == 1
