"""Masks and their moments, restated plainly."""

import numpy as np
import pytest
import torch

from pellucid.ops.draws import generator
from pellucid.ops.random_masks import MaskMoments, smooth_mask, smooth_masks


@pytest.mark.parametrize(
    ("grid", "cells"), [((20,), 7), ((14, 14), 7), ((9, 31), 4), ((5, 6, 7), 3), ((3, 3), 7), ((1, 4), 2)]
)
def test_shape_and_range(grid: tuple[int, ...], cells: int) -> None:
    masks = smooth_masks(grid, cells, 0.5, 0, 0, 40)
    assert masks.shape == (40, *grid) and masks.min() >= 0 and masks.max() <= 1
    assert 0.35 < float(masks.mean()) < 0.65 and len(masks.unique(dim=0)) > 3


def test_a_mask_is_an_enlarged_coarse_grid_cut_at_a_shift() -> None:
    """By hand along one axis: 3 cells, 10 places, cells of 4, enlarged to 16, cut at 0 … 3."""
    for ordinal in range(30):
        draw = generator(5, ordinal)
        coarse = (torch.rand(3, generator=draw) < 0.5).double().numpy()
        shift = int(torch.randint(4, (), generator=draw))
        places = np.clip((np.arange(16) + 0.5) * 3 / 16 - 0.5, 0, 2)
        expected = np.interp(places, np.arange(3), coarse)[shift : shift + 10]
        made = smooth_mask((10,), 3, 0.5, generator(5, ordinal)).numpy()
        np.testing.assert_allclose(made, expected, atol=1e-6)


def test_masks_do_not_depend_on_how_many_were_made() -> None:
    assert torch.equal(smooth_masks((8, 8), 4, 0.3, 1, 5, 9), smooth_masks((8, 8), 4, 0.3, 1, 0, 20)[5:9])


def test_open_share_follows_the_probability() -> None:
    for probability in (0.1, 0.5, 0.9):
        assert abs(float(smooth_masks((16, 16), 8, probability, 0, 0, 300).mean()) - probability) < 0.03


@pytest.fixture
def sample() -> tuple[torch.Tensor, torch.Tensor]:
    masks = smooth_masks((6, 5), 3, 0.5, 0, 0, 70)
    scores = 1000 + masks[:, 2, 2].double() * 3 + torch.randn(70, generator=generator(1), dtype=torch.float64)
    return masks, scores


def test_the_slope_is_the_regression_of_the_score_on_each_place(sample: tuple[torch.Tensor, torch.Tensor]) -> None:
    masks, scores = sample
    moments = MaskMoments(999.0)
    moments.add(masks[:30], scores[:30])
    moments.add(masks[30:], scores[30:])
    slope, error = moments.slope()
    for place in range(30):
        x = masks.double().flatten(1)[:, place].numpy()
        expected = np.polyfit(x, scores.numpy(), 1)[0]
        left = scores.numpy() - np.polyval(np.polyfit(x, scores.numpy(), 1), x)
        scatter = np.sqrt((left**2).sum() / 68 / ((x - x.mean()) ** 2).sum())
        np.testing.assert_allclose(float(slope[place]), expected, rtol=1e-8)
        np.testing.assert_allclose(float(error[place]), scatter, rtol=1e-8)


def test_the_average_is_the_authors_sum_over_the_sum_of_masks(sample: tuple[torch.Tensor, torch.Tensor]) -> None:
    masks, scores = sample
    moments = MaskMoments(3.0)
    moments.add(masks, scores)
    mean, error = moments.average()
    flat = masks.double().flatten(1)
    expected = (scores[:, None] * flat).sum(0) / flat.sum(0)
    torch.testing.assert_close(mean, expected, rtol=1e-12, atol=0)
    scatter = (flat.square() * (scores[:, None] - expected).square()).sum(0).sqrt() / flat.sum(0)
    torch.testing.assert_close(error, scatter, rtol=1e-5, atol=0)


def test_the_level_does_not_matter(sample: tuple[torch.Tensor, torch.Tensor]) -> None:
    masks, scores = sample
    near, far = MaskMoments(1001.0), MaskMoments(0.0)
    near.add(masks, scores)
    far.add(masks, scores)
    torch.testing.assert_close(near.slope()[0], far.slope()[0], rtol=1e-8, atol=1e-10)


def test_a_place_that_is_always_open_has_no_slope() -> None:
    moments = MaskMoments(0.0)
    moments.add(torch.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 0.0]]), torch.tensor([1.0, 2.0, 1.5]))
    slope, error = moments.slope()
    assert slope[0] == 0 and error[0] == 0 and slope[1] == pytest.approx(0.75)
