"""Deconvolutions of the very units that regions were cut out for."""

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.core.sites import Place
from pellucid.engine.roles import Layout
from pellucid.engine.sweeps.request import Gathered
from pellucid.methods.feature._regions import Region
from pellucid.methods.feature._regions_projected import _index, _picture
from tests.methods.feature.planted import swept
from tests.networks import seeded


def test_it_is_the_deconvolution_at_that_unit_cut_to_its_region() -> None:
    model = seeded(lambda: nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 4, 3, 2), nn.ReLU()))()
    data = torch.rand(5, 3, 11, 11, generator=torch.Generator().manual_seed(0))
    gallery, table = swept(model, data, pl.top_regions(layer="2", channels=(1, 2), k=2, deconvolution=True))
    below = [i for i, one in enumerate(gallery.groups) if one.en.startswith("deconvolution")]
    below = [i for i, before in zip(below, [-2, *below], strict=False) if i - before == 1]  # not the means
    assert len(below) == len(table.rows) == 4
    for i, row in zip(below, table.rows, strict=True):
        sample = int(row["sample"].split()[1])
        target = pl.unit("2", int(row["channel"]), row["place"])
        alone = pl.deconvolution()(model, data[sample][None], target=target).values[0]
        top, left = (2 * place for place in row["place"])
        part = alone[:, top : top + 5, left : left + 5]
        assert np.abs(alone).sum() == pytest.approx(np.abs(part).sum(), rel=1e-6), "nothing lies outside the region"
        assert np.allclose(gallery.images[i], 0.5 + np.moveaxis(part, 0, -1) / (2 * np.abs(part).max()), atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "layout", "expected"),
    [
        ((1, 8), None, ()),
        ((1, 5, 8), Layout("tokens", (2, 2), 1), (3,)),
        ((1, 5, 8), None, (3,)),
        ((1, 8, 2, 2), Layout("channels_first", (2, 2)), (1, 1)),
        ((1, 2, 2, 8), Layout("channels_last", (2, 2)), (1, 1)),
    ],
)
def test_a_unit_is_named_by_the_axes_of_its_layer(shape: tuple, layout: Layout | None, expected: tuple) -> None:
    assert _index(Gathered(Place("x"), "x", {}, shape, layout), 3, Region(0, 0, 1.0, (1, 1))) == expected


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_any_number_of_channels_makes_a_picture(channels: int) -> None:
    values = np.random.default_rng(0).standard_normal((channels, 4, 6))
    whole = _picture(values, Region(0, 0, 1.0, ()))
    assert whole.shape == (4, 6, 3)
    assert np.allclose(whole[..., 0], values[0] if channels == 3 else values.mean(0), atol=1e-6)
    cut = _picture(values, Region(0, 0, 1.0, (), box=((-1, 2), (0, 6))))
    assert cut.shape == (3, 6, 3) and np.isnan(cut[0]).all() and np.array_equal(cut[1:], whole[:2])
