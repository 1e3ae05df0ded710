import numpy as np
import pytest

from pellucid.render.static import features
from pellucid.render.static.theme import AGAINST, FOR
from pellucid.results import Attribution, Base
from tests.render.static.drawing import drawn, words


def result(count, **changes):
    values = np.linspace(-1, 2, count)[None]
    names = tuple(f"f{i}" for i in range(count))
    return Attribution(**{"values": values, "signed": True, "base": Base("features", values * 10, (names,)), **changes})


def test_the_largest_comes_first_with_its_value():
    axes = drawn(features, result(4)).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["f3 = 20", "f0 = -10", "f2 = 10", "f1 = 0"]
    from matplotlib.colors import to_hex

    assert [to_hex(bar.get_facecolor()) for bar in axes.patches[:2]] == [FOR, AGAINST]


def test_what_has_no_bar_is_summed():
    figure = drawn(features, result(40))
    bars = figure.axes[0].patches
    assert len(bars) == 16
    assert "25 more" in words(figure)
    assert sum(bar.get_width() for bar in bars) == pytest.approx(np.linspace(-1, 2, 40).sum())


@pytest.mark.parametrize("values", [np.zeros((1, 3)), np.full((1, 3), np.nan), np.full((2, 1), -1.0)])
def test_odd_values(values):
    assert drawn(features, result(3, values=values, base=Base("features", np.zeros_like(values)))).axes


def test_numbers_beside_bars_stay_within_the_axes():
    low, high = features._span(np.array([-0.0456, 0.0341]), [0.35, 0.35])
    inches = features.BARS / (high - low)
    assert (-0.0456 - low) * inches == pytest.approx(0.45, abs=0.01)
    assert (high - 0.0341) * inches == pytest.approx(0.45, abs=0.01)
    assert features._span(np.zeros(2), [0.1, 0.1])[1] > 0
