import numpy as np
import pytest

from pellucid.inputs.shapes import NAMES, make_shapes


def test_seeded_and_growing_from_its_beginning() -> None:
    short, long = make_shapes(7, seed=3), make_shapes(12, seed=3)
    np.testing.assert_array_equal(short.images, long.images[:7])
    np.testing.assert_array_equal(short.masks, long.masks[:7])
    assert not np.array_equal(short.images, make_shapes(7, seed=4).images)


def test_forms() -> None:
    made = make_shapes(20)
    assert made.images.shape == (20, 32, 32, 3) and made.images.dtype == np.uint8 and made.masks.shape == (20, 32, 32)
    assert made.labels.tolist() == [*range(10), *range(10)] and len(set(made.names)) == len(NAMES) == 10


def test_the_mask_is_where_the_shape_is() -> None:
    made = make_shapes(200)
    gray = made.images @ np.array([0.299, 0.587, 0.114])
    for picture, mask in zip(gray, made.masks, strict=True):
        assert 40 < mask.sum() < 500 and not mask[[0, -1]].any() and not mask[:, [0, -1]].any()
        assert abs(picture[mask].mean() - picture[~mask].mean()) > 35


@pytest.mark.parametrize("feature", ["brightness", "size"])
def test_colour_tells_nothing_of_the_class(feature: str) -> None:
    made = make_shapes(1000)
    if feature == "brightness":
        means = [made.images[made.labels == label].mean() for label in range(10)]
        assert np.ptp(means) < 30
    else:
        share = [made.masks[made.labels == label].mean() for label in range(10)]
        assert min(share) > 0.04 and max(share) < 0.35
