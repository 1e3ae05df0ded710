"""Superpixels: connected, about equal, along edges, and the same each time."""

import numpy as np
import pytest
from scipy import ndimage

from pellucid.ops.superpixels import superpixels


def noise(height: int, width: int, channels: int = 3) -> np.ndarray:
    rough = np.random.default_rng(0).random((height, width, channels))
    return ndimage.gaussian_filter(rough, (2, 2, 0)) * 4 - 1.5


@pytest.mark.parametrize(("height", "width", "count"), [(60, 60, 30), (40, 90, 50), (7, 5, 60), (1, 9, 4), (32, 32, 1)])
def test_numbers_run_from_zero_and_regions_are_connected(height: int, width: int, count: int) -> None:
    labels = superpixels(noise(height, width), count)
    assert labels.shape == (height, width)
    assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))
    regions = labels.max() + 1
    assert regions <= height * width and 0.6 * min(count, height * width) <= regions <= 1.4 * count
    pieces = sum(ndimage.label(labels == label)[1] for label in range(regions))
    assert pieces <= regions * 1.1


def test_a_flat_picture_becomes_a_grid() -> None:
    labels = superpixels(np.full((12, 16, 3), 0.4), 12)
    assert np.array_equal(labels, np.arange(12)[:, None] // 4 * 4 + np.arange(16)[None] // 4)


def test_regions_end_at_edges() -> None:
    picture = np.zeros((40, 40, 3))
    picture[:, 17:] = (0.9, 0.2, 0.1)
    labels = superpixels(picture, 16)
    assert not set(labels[:, :17].ravel()) & set(labels[:, 17:].ravel())


def test_an_edge_of_any_channels_is_found() -> None:
    picture = np.zeros((40, 40, 5))
    picture[:, 23:, 3] = 7.0
    labels = superpixels(picture, 16)
    assert not set(labels[:, :23].ravel()) & set(labels[:, 23:].ravel())


def test_the_same_again() -> None:
    assert np.array_equal(superpixels(noise(50, 40), 20), superpixels(noise(50, 40), 20))


def test_more_compact_regions_have_shorter_borders() -> None:
    def border(labels: np.ndarray) -> int:
        return int((labels[1:] != labels[:-1]).sum() + (labels[:, 1:] != labels[:, :-1]).sum())

    picture = noise(60, 60)
    assert border(superpixels(picture, 30, 100.0)) < border(superpixels(picture, 30, 2.0))
