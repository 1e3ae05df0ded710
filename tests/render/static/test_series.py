import numpy as np
import pytest

from pellucid.core.text import Text
from pellucid.render.static import series
from pellucid.results import Series
from tests.render.static.drawing import STYLE, drawn, words
from tests.results import samples


def test_curves_at_their_positions_with_names_marks_and_units():
    figure = drawn(series, samples.series())
    lines = figure.axes[0].lines
    assert lines[0].get_xdata().tolist() == [0, 10, 20, 30]
    assert np.array_equal(lines[1].get_ydata(), [3, 2.5, np.nan, 2], equal_nan=True)
    assert {"train", "val", "overfits", "loss", "step"} <= set(words(figure))


def test_a_stack_stands_on_zero_and_shows_its_sum():
    curves = {"a": np.array([2.0, -1.0]), "b": np.array([-3.0, -2.0]), "c": np.array([4.0, 5.0])}
    figure = drawn(series, Series(curves=curves, labels=("conv1", "fc"), style="stack"))
    bars = [(round(one.get_x() + one.get_width() / 2), one.get_y(), one.get_height()) for one in figure.axes[0].patches]
    assert bars == [(0, 0, 2), (1, 0, -1), (0, 0, -3), (1, -1, -2), (0, 2, 4), (1, 0, 5)]
    assert any(line.get_ydata().tolist() == [3.0, 2.0] for line in figure.axes[0].lines if len(line.get_ydata()) == 2)
    assert {"a", "b", "c", "sum"} <= set(words(figure))


def test_zeros_alone_have_a_plain_axis():
    figure = drawn(series, Series(curves={"a": np.array([0.0, 0.0, np.nan])}, log=True))
    assert figure.axes[0].get_yscale() == "linear"


@pytest.mark.parametrize("style", ["line", "bar", "stack", "histogram"])
@pytest.mark.parametrize("log", [False, True])
def test_every_style(style, log):
    result = Series(curves={"a": np.array([0.0, 1e-6, 1, np.nan]), "b": np.array([1.0, 2, 3, 4])}, style=style, log=log)
    figure = drawn(series, result)
    figure.draw_without_rendering()
    assert (figure.axes[0].get_yscale() == "log") is log


@pytest.mark.parametrize(("positions", "whole"), [(range(1, 17), True), (np.linspace(0, 1, 16), False)])
def test_what_is_counted_has_whole_ticks(positions, whole):
    made = Series(curves={"a": np.arange(16.0)}, positions=tuple(float(one) for one in positions))
    ticks = drawn(series, made).axes[0].get_xticks()
    assert bool((ticks == np.round(ticks)).all()) == whole


def test_labels_stand_under_their_points():
    figure = drawn(series, Series(curves={"a": np.arange(3.0)}, labels=("conv1", "conv2", "fc")))
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["conv1", "conv2", "fc"]


def test_many_labels_are_thinned():
    figure = drawn(series, Series(curves={"a": np.arange(300.0)}, labels=tuple(f"layer{i}" for i in range(300))))
    assert len(figure.axes[0].get_xticklabels()) < 45


def test_many_curves_have_a_legend_of_some():
    many = Series(curves={f"layer {i}": np.arange(3.0) + i for i in range(40)})
    assert "layer 0" in words(drawn(series, many))
    assert "layer 39" in words(drawn(series, many))
    assert series.remark(many, STYLE) == "26 more."
    assert series.remark(samples.series(), STYLE) == ""


def test_many_marks_are_explained_once():
    result = Series(curves={"a": np.arange(20.0)}, marks={i: Text("here") for i in range(10)})
    assert words(drawn(series, result)).count("¦ here") == 1


def test_curves_without_a_number():
    assert "nothing to draw" in words(drawn(series, Series(curves={"a": np.full(3, np.nan)})))


def test_addresses_of_deep_networks_stay_whole():
    labels = tuple(f"model.layers.{i}.self_attn.q_proj" for i in range(32))
    figure = drawn(series, Series(curves={"a": np.arange(32.0)}, labels=labels))
    assert {one.get_text() for one in figure.axes[0].get_xticklabels()} <= set(labels)


@pytest.mark.parametrize(("places", "line"), [([49, 99, 149], "-"), ([48, 49, 99], "None")])
def test_points_that_all_stand_alone_are_joined(places, line):
    sparse = np.full(200, np.nan)
    sparse[places] = 1.0
    figure = drawn(series, Series(curves={"loss": np.ones(200), "val": sparse}))
    marked = [one for one in figure.axes[0].lines if one.get_marker() == "o"]
    assert [one.get_linestyle() for one in marked] == [line]
