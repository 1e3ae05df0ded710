"""Pictures coloured by code."""

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.methods.feature import _assigned
from pellucid.methods.feature._regions_drawn import palette
from tests.methods.feature.planted import swept
from tests.networks import seeded


def coloured(pictures: int, samples: int = 9) -> tuple:
    model = seeded(lambda: nn.Sequential(nn.Conv2d(3, 5, 2, 2)))()
    data = torch.rand(samples, 3, 6, 8, generator=torch.Generator().manual_seed(0))
    return swept(model, data, pl.codebook(layer="0", codes=3, k=2, pictures=pictures))[:2]


@pytest.mark.parametrize(("pictures", "expected"), [(1, [0]), (3, [0, 4, 8]), (20, list(range(9)))])
def test_samples_are_spread_over_the_data(pictures: int, expected: list[int]) -> None:
    _, made = coloured(pictures)
    names = [caption.en for caption, group in zip(made.captions, made.groups, strict=True) if group.en == "samples"]
    assert names == [f"row {i}" for i in expected]


def test_both_galleries_frame_a_code_in_one_colour() -> None:
    codes, made = coloured(2)
    colours = palette(3)
    frames = {group.en: image[0, 0] for image, group in zip(codes.images, codes.groups, strict=True)}
    for image, caption in zip(made.images[2:], made.captions[2:], strict=True):
        assert np.allclose(image[0, 0], frames[caption.en]) and np.allclose(image[0, 0], colours[int(caption.en[5:])])


def test_a_cell_is_as_large_as_its_share_of_the_picture() -> None:
    colours = np.array([[[1.0, 0, 0], [0, 1.0, 0]], [[0, 0, 1.0], [1.0, 1.0, 0]]], np.float32)
    made = _assigned._over(np.zeros((5, 4, 3), np.float32), colours)
    assert np.allclose(made[:3, :2], colours[0, 0] * _assigned._OVER)
    assert np.allclose(made[3:, 2:], colours[1, 1] * _assigned._OVER)


def test_rows_and_series_have_no_coloured_pictures() -> None:
    model = seeded(lambda: nn.Sequential(nn.Conv1d(2, 4, 3)))()
    data = torch.randn(5, 2, 20, generator=torch.Generator().manual_seed(0))
    kinds = [one.kind for one in swept(model, data, pl.codebook(layer="0", codes=2))]
    assert kinds == ["matrix", "table", "table"]
