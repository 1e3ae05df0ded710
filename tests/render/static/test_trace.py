import numpy as np

from pellucid.render.static import trace
from pellucid.results import Attribution, Base
from tests.render.static.drawing import drawn, words


def test_a_curve_for_each_channel_and_the_heat_beneath():
    values = np.random.default_rng(0).normal(size=(2, 3, 50)).astype("f4")
    result = Attribution(values=values, reduction="sum", signed=True, base=Base("series", values, (("x", "y", "z"),)))
    figure = drawn(trace, result)
    curves = [axes.lines[0].get_ydata() for axes in figure.axes if axes.lines]
    assert len(curves) == 6
    assert np.array_equal(curves[4], values[1, 1])
    assert sum(bool(axes.images) for axes in figure.axes) == 3
    assert {"x", "y", "z", "example 1", "example 2"} <= set(words(figure))


def test_heat_without_the_series():
    result = Attribution(values=np.ones((1, 20)), base=Base("series"))
    assert drawn(trace, result).axes
