import numpy as np

from pellucid.core.text import Text
from pellucid.render.static import points
from pellucid.render.static.draw import settings
from pellucid.render.static.theme import Style, theme_named
from pellucid.results import Points
from tests.render.static.drawing import STYLE, drawn, words
from tests.results import samples


def test_groups_have_a_colour_and_a_marker_each():
    figure = drawn(points, samples.points())
    cat, dog = figure.axes[0].collections
    assert np.allclose(cat.get_offsets(), samples.points().positions[:20])
    assert not np.allclose(cat.get_facecolor(), dog.get_facecolor())
    assert len(cat.get_paths()[0].vertices) != len(dog.get_paths()[0].vertices)
    assert {"cat (20)", "dog (20)", "first", "second"} <= set(words(figure))


def test_few_points_are_named_without_overlap():
    places = np.array([[0, 0], [0.001, 0], [5, 5]])
    figure = drawn(points, Points(values=places, labels=("one", "two", "three")))
    texts = figure.axes[0].texts
    assert "three" in [text.get_text() for text in texts]
    boxes = [text.get_window_extent() for text in texts]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_many_groups_end_in_others():
    result = Points(values=np.random.default_rng(0).normal(size=(60, 2)), groups=tuple(f"g{i % 30}" for i in range(60)))
    figure = drawn(points, result)
    assert len(figure.axes[0].collections) == 16
    assert "other (30)" in words(figure)


def test_points_without_a_place_are_counted():
    result = Points(values=np.array([[0.0, 1], [np.nan, 2]]))
    assert points.remark(result, STYLE) == "1 not finite."
    assert points.remark(samples.points(), STYLE) == ""
    assert drawn(points, result).axes


def test_groups_are_named_in_the_language_of_the_picture():
    groups = (Text("even", "均匀"), Text("to itself", "看自身"))
    result = Points(values=np.eye(2), labels=(Text("a", "甲"), "b"), groups=groups)
    with settings():
        seen = words(drawn(points, result, Style(theme_named("light"), "zh")))
    assert {"均匀 (1)", "看自身 (1)", "甲", "b"} <= set(seen)


def test_names_of_points_leave_room_for_pictures():
    places = np.random.default_rng(0).normal(size=(12, 2))
    pictures = {i: np.zeros((4, 4, 3)) for i in range(4)}
    figure = drawn(points, Points(values=places, labels=tuple(f"sample {i}" for i in range(12)), thumbnails=pictures))
    boxes = [axes.get_window_extent() for axes in figure.axes[1:]]
    texts = figure.axes[0].texts
    assert boxes and texts
    assert not any(text.get_window_extent().overlaps(box) for text in texts for box in boxes)


def test_distances_that_mean_something_are_drawn_on_one_scale():
    places = np.random.default_rng(0).normal(size=(9, 2)) * [100, 1]
    apart = drawn(points, Points(values=places)).axes[0]
    alike = drawn(points, Points(values=places, one_scale=True)).axes[0]
    assert np.ptp(apart.get_xlim()) > 10 * np.ptp(apart.get_ylim())
    assert np.isclose(np.ptp(alike.get_xlim()), np.ptp(alike.get_ylim()))
    np.testing.assert_allclose(alike.get_xlim(), apart.get_xlim())
    box = alike.get_window_extent()
    assert np.isclose(box.width, box.height)
