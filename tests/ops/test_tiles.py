import numpy as np
import pytest
import torch

from pellucid.core.errors import NotApplicable
from pellucid.ops.tiles import angular_order, kernel_tiles, mosaic, thumbnail


def test_filters_of_three_channels_are_colour_with_zero_as_grey():
    weight = torch.randn(10, 3, 5, 7)
    tiles, captions, colour = kernel_tiles(weight, 4)
    assert colour and len(tiles) == len(captions) == 4 and tiles[0].shape == (5, 7, 3)
    assert min(tile.min() for tile in tiles) >= 0 and max(tile.max() for tile in tiles) <= 1
    limit = weight[:4].abs().max()
    assert np.allclose((tiles[2] - 0.5) * 2 * limit.item(), weight[2].permute(1, 2, 0).numpy(), atol=1e-5)
    assert np.all(kernel_tiles(torch.zeros(1, 3, 2, 2), 1)[0][0] == 0.5)


def test_deeper_filters_show_their_strongest_input_and_say_which():
    weight = torch.randn(3, 8, 3, 3)
    weight[1, 5] *= 100
    tiles, captions, colour = kernel_tiles(weight, 2)
    assert not colour and captions[1] == "1 ← 5" and np.array_equal(tiles[1], weight[1, 5].numpy())
    assert kernel_tiles(torch.randn(3, 1, 3, 3), 3)[1] == ["0", "1", "2"]


@pytest.mark.parametrize(("shape", "tile"), [((4, 2, 9), (1, 9)), ((4, 2, 3, 5, 6), (5, 18)), ((7, 5), (7, 5))])
def test_kernels_of_other_ranks(shape, tile):
    weight = torch.randn(shape)
    tiles, _, colour = kernel_tiles(weight, 8)
    assert tiles[0].shape == tile and not colour
    assert len(shape) > 2 or np.array_equal(tiles[0], weight.numpy())


@pytest.mark.parametrize(
    ("shape", "picture"),
    [((64, 20, 90), (20, 32)), ((5, 9), (5, 9)), ((100,), (6, 32)), ((), (1, 1)), ((6, 4, 5, 6), (5, 6))],
)
def test_thumbnails_are_small(shape, picture):
    assert thumbnail(torch.randn(shape)).shape == picture


def test_a_thumbnail_is_the_mean_over_channels():
    value = torch.randn(4, 6, 7)
    assert np.allclose(thumbnail(value), value.mean(0).numpy(), atol=1e-6)
    assert thumbnail(torch.ones(2, 40, 40)).mean() == pytest.approx(1)


def test_complex_weights_are_refused_not_cut_to_their_real_part():
    with pytest.raises(NotApplicable, match="complex weights"):
        kernel_tiles(torch.ones(2, 3, dtype=torch.complex64), 4)


@pytest.mark.parametrize(
    ("shape", "picture"),
    [
        ((6, 5), (6, 5)),
        ((8, 4, 1, 1), (8, 4)),
        ((20, 2, 3, 3), (15, 15)),
        ((5, 2, 9, 9), (19, 29)),
        ((4, 1, 20, 20), (20, 20)),
    ],
)
def test_mosaics_of_weights(shape, picture):
    weight = torch.randn(shape)
    made = mosaic(weight)
    assert made.shape == picture and np.abs(made).max() > 0
    if len(shape) == 4 and shape[-1] == 3:
        first = weight[0, weight[0].flatten(1).norm(dim=1).argmax()]
        assert np.allclose(made[:3, :3], first / first.abs().max())


def test_an_order_that_was_shuffled_is_found_again():
    angles = torch.linspace(0, 2.5, 30)
    plane = torch.stack([angles.cos(), angles.sin()], 1)
    smooth = plane @ torch.stack([torch.ones(9), torch.linspace(-1, 1, 9)])
    shuffled = torch.randperm(30, generator=torch.Generator().manual_seed(0))
    rows, columns = angular_order(smooth[shuffled])
    found = shuffled[rows].tolist()
    assert found in (list(range(30)), list(range(30))[::-1])
    assert columns.tolist() in (list(range(9)), list(range(9))[::-1])


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (1, 1)])
def test_an_order_of_few(shape):
    rows, columns = angular_order(torch.randn(shape))
    assert sorted(rows.tolist()) == list(range(shape[0])) and sorted(columns.tolist()) == list(range(shape[1]))


def test_a_pattern_explains_all_of_a_filter_of_one_pattern():
    kernel, strengths = torch.randn(3, 3), torch.tensor([1.0, 2.0, 3.0, 4.0])
    tiles, captions, _ = kernel_tiles((strengths[:, None, None] * kernel)[None], 1, "pca")
    assert captions == ["0 · 100%"] and np.allclose(tiles[0], kernel.numpy() * 30**0.5, atol=1e-5)
