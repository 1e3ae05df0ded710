import numpy as np
import pytest
import torch

from pellucid.core.text import Text
from pellucid.inputs.inputs import Inputs
from pellucid.methods.feature._maximized.canvas import Canvas, canvases
from pellucid.methods.feature._maximized.drawn import curves, gallery

WORDS = (Text("one", "一"), Text("two", "二"))


def values(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def canvas(value: torch.Tensor) -> Canvas:
    return canvases(Inputs((value,)), "pixels", size=None, steps_first=False)[0]


def test_pictures_are_drawn_in_their_box() -> None:
    value = values(2, 3, 5, 6) * 4 - 2
    found = gallery(canvas(value), value, WORDS, None, "batch")
    assert found.axes == ("batch", "channel", "height", "width") and len(found.images) == 2
    low, high = value[0].amin((1, 2), keepdim=True), value[0].amax((1, 2), keepdim=True)
    assert np.allclose(found.images[0], ((value[0] - low) / (high - low)).permute(1, 2, 0), atol=1e-5)
    assert found.captions == WORDS and np.array_equal(found.values, value.numpy())


def test_what_gradients_hardly_touch_fades_to_grey() -> None:
    value, touched = values(1, 3, 20, 20), torch.zeros(1, 3, 20, 20)
    touched[..., :10] = 2.0
    plain, faded = (gallery(canvas(value), value, WORDS, one, "batch").images[0] for one in (None, touched))
    assert np.allclose(faded[:, :8], plain[:, :8], atol=1e-6) and np.allclose(faded[:, 13:], 0.5)


@pytest.mark.parametrize(
    ("shape", "axes", "tiles", "size"),
    [
        ((2, 1, 5, 6), ("channel", "height", "width"), 2, (5, 6, 3)),
        ((2, 12, 5, 6), ("channel", "height", "width"), 16, (5, 6)),
        ((2, 4, 9), ("channel", "time"), 2, (4, 9)),
        ((2, 7), ("feature",), 2, (1, 7)),
        ((2, 2, 4, 5, 6), ("channel", "depth", "height", "width"), 4, (5, 6)),
    ],
)
def test_inputs_of_every_kind(shape: tuple[int, ...], axes: tuple[str, ...], tiles: int, size: tuple[int, ...]) -> None:
    value = values(*shape)
    found = gallery(canvas(value), value, WORDS, None, "unit")
    assert found.axes == ("unit", *axes) and len(found.images) == len(found.captions) == tiles
    assert {one.shape for one in found.images} == {size}
    if tiles > 2:
        middle = "middle slice, " if len(shape) == 5 else ""
        half = tiles // 2
        assert str(found.captions[1]) == f"{middle}input channel 1" == str(found.captions[half + 1])
        assert found.groups == (WORDS[0],) * half + (WORDS[1],) * half, "what the parts share stands above them"
    else:
        assert found.captions == WORDS and found.groups == ()


def test_parts_of_several_inputs_have_headings_with_the_name_of_the_input() -> None:
    value = values(2, 5, 4, 4)
    found = gallery(canvas(value), value, WORDS, None, "unit", groups=(Text("left"),) * 2)
    assert [str(one) for one in dict.fromkeys(found.groups)] == ["left · one", "left · two"]
    assert len(found.groups) == len(found.images) == 10


def test_a_long_series_is_drawn_high_enough_to_be_seen_and_its_values_stay() -> None:
    value = values(1, 2, 100)
    found = gallery(canvas(value), value, WORDS[:1], None, "unit")
    (image,) = found.images
    assert image.shape == (12, 100) and np.array_equal(image[::6], value[0].numpy())
    assert np.array_equal(found.values, value.numpy())


def test_curves_end_where_their_row_stopped() -> None:
    scores = [torch.tensor([float(i), 2.0 * i]) for i in range(4)]
    found = curves(scores, [4, 2], WORDS)
    assert found.curves["0"].tolist() == [0, 1, 2, 3] and found.curves["1"].tolist()[:2] == [0, 2]
    assert np.isnan(found.curves["1"][2:]).all() and found.names["1"] == WORDS[1]
