import numpy as np

from pellucid.render.static import volume
from pellucid.results import Attribution, Base
from tests.render.static.drawing import STYLE, drawn, words


def test_slices_with_most_heat_in_order():
    values = np.zeros((1, 12, 8, 8), "f4")
    values[0, [2, 5, 9]] = 1
    result = Attribution(values=values, base=Base("volume", np.random.default_rng(0).random((1, 1, 12, 8, 8))))
    figure = drawn(volume, result)
    shown = [word for word in words(figure) if word.startswith("slice")]
    assert len(shown) == 6
    assert {"slice 2", "slice 5", "slice 9"} <= set(shown)
    assert shown == sorted(shown, key=lambda word: int(word.split()[1]))
    assert volume.remark(result, STYLE) == "The 6 slices of 12 with the largest values."
