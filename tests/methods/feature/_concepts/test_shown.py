"""Shown: pieces of the pictures themselves, and coefficients on the grid of the picture."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.results import Gallery
from tests.methods.feature.painted import Painter, pictures
from tests.methods.feature.planted import swept


def shown(data: Any, model: nn.Module | None = None, **given: Any) -> tuple[Any, ...]:
    view = pl.concepts(**({"layer": "pool", "concepts": 3, "crop": 0.5, "masks": 8} | given))
    return swept(Painter() if model is None else model, data, view)


@pytest.mark.parametrize(("k", "maps"), [(1, 0), (2, 3), (5, 1)])
def test_so_many_pieces_and_maps_of_each_concept(k: int, maps: int) -> None:
    gallery, *_, pieces = shown(pictures()[0], k=k, maps=maps)
    for concept in range(3):
        mine = [i for i, one in enumerate(gallery.groups) if one.en.startswith(f"concept {concept}:")]
        flat = [i for i in mine if gallery.beneath[i] is not None]
        assert len(mine) - len(flat) == k and len(flat) <= maps and flat == mine[k:]
        assert sum(row["channel"] == f"{concept}" for row in pieces.rows) == k


def test_a_crop_is_cut_from_the_picture_where_the_table_says() -> None:
    data, _ = pictures()
    low, high = data.amin((1, 2, 3), keepdim=True), data.amax((1, 2, 3), keepdim=True)
    bright = (data - low) / (high - low)  # drawn by its own extremes, as nothing says how it was prepared
    gallery, *_, pieces = shown(data, k=2, maps=0)
    for image, caption, row in zip(gallery.images, gallery.captions, pieces.rows, strict=True):
        (top, bottom), (left, right) = (map(int, one.split("…")) for one in row["region"].split(" × "))
        sample = int(row["sample"].split()[1])
        assert np.allclose(image, bright[sample, :, top:bottom, left:right].movedim(0, -1), atol=1e-5)
        assert caption.en.endswith(f"row {sample}") and float(caption.en.split(",")[0]) == pytest.approx(
            row["value"], rel=0.01
        )


def test_a_map_is_as_large_as_its_picture_and_peaks_fall() -> None:
    gallery, *_ = shown(pictures()[0], maps=4)
    maps = [image for image, beneath in zip(gallery.images, gallery.beneath, strict=True) if beneath is not None]
    assert all(image.shape == (32, 32) and image.min() >= 0 for image in maps)
    peaks = [float(image.max()) for image in maps[:4]]
    assert peaks == sorted(peaks, reverse=True)


class Reads(nn.Module):
    """Means of steps."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body, self.head = nn.Conv1d(2, 6, 3), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu(self.body(x)).mean(2))


def test_series_have_strips_in_the_table_and_no_pictures() -> None:
    data = torch.randn(8, 2, 20, generator=torch.Generator().manual_seed(0))
    results = shown(data, Reads().eval(), layer="body")
    assert not any(isinstance(one, Gallery) for one in results)
    assert all(np.asarray(row["shown"]).shape == (3,) for row in results[-1].rows), "what a unit sees"
