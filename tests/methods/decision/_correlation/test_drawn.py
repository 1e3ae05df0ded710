"""Tiles and tables of maps."""

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.methods.decision._correlation.drawn import strongest
from pellucid.results import Gallery, Table


def found(model: nn.Module, data: str, **settings: object) -> tuple[Gallery, Gallery, Table]:
    return pl.Lens(model.eval()).sweep(data, pl.correlation(layer="", **settings))[0]


def test_few_channels_stand_beside_each_other_on_one_scale() -> None:
    maps, errors, _ = found(nn.Conv2d(3, 4, 5), "noise:40#3x9x9", channels=(2, 0))
    for image, value in zip((*maps.images, *errors.images), (*maps.values, *errors.values), strict=True):
        assert np.isnan(image).any() and not np.isnan(image[:, 0]).any()
        parts = np.split(image, np.flatnonzero(np.isnan(image).all(0)), 1)
        shown = [part[:, ~np.isnan(part).all(0)] for part in parts]
        assert len(shown) == 3
        for part, channel in zip(shown, value, strict=True):
            step = part.shape[0] // 5
            assert np.array_equal(part[::step, ::step], channel)
    scale = maps.scale
    assert scale is not None and scale.low == -scale.high == -np.abs(maps.values).max() and maps.signed
    assert not errors.signed and errors.scale is not None and errors.scale.low == 0


def test_of_many_channels_the_strongest_is_shown_and_named() -> None:
    model = nn.Conv2d(6, 2, 3)
    with torch.no_grad():
        model.weight[:] *= 0.1
        model.weight[0, 4] += 1
        model.weight[1, 2] -= 1
    maps, errors, _ = found(model, "noise:60#6x6x6", channels=(0, 1))
    assert [caption.en.partition(":")[0] for caption in maps.captions] == ["channel 0 ← 4", "channel 1 ← 2"]  # type: ignore[union-attr]
    for image, error, value, spread, which in zip(
        maps.images, errors.images, maps.values, errors.values, (4, 2), strict=True
    ):
        assert np.array_equal(image, value[which]) and np.array_equal(error, spread[which])
        assert strongest(value) == which


@pytest.mark.parametrize(
    ("model", "data", "tile"),
    [
        (nn.Conv2d(1, 2, 3), "noise:20#1x6x7", (3, 3)),
        (nn.Conv1d(5, 2, 4), "noise:20#5x9", (5, 4)),
        (nn.Linear(7, 2), "noise:20#7", (1, 7)),
        (nn.Conv3d(1, 2, 2), "noise:20#1x3x3x3", (2, 4)),
    ],
)
def test_tiles_of_other_inputs(model: nn.Module, data: str, tile: tuple[int, int]) -> None:
    assert all(image.shape == tile for one in found(model, data)[:2] for image in one.images)


def test_the_caption_and_the_table_name_the_largest_value() -> None:
    maps, errors, table = found(nn.Linear(7, 2), "noise:50#7")
    for caption, value, error in zip(maps.captions, maps.values, errors.values, strict=True):
        at = int(np.abs(value).argmax())
        row = next(one for one in table.rows if caption.en.startswith(f"channel {one['channel']}:"))  # type: ignore[union-attr]
        assert row["largest"] == pytest.approx(value[at]) and row["error"] == pytest.approx(error[at])
        assert row["place"] == str(at) and 0 <= row["above"] <= 1
        assert f"{value[at]:.3g}" in caption.en and "±" in caption.en  # type: ignore[union-attr]


def test_a_double_model_keeps_its_precision() -> None:
    assert found(nn.Linear(7, 2).double(), "noise:20#7")[0].values.dtype == np.float64
    assert found(nn.Linear(7, 2), "noise:20#7")[0].values.dtype == np.float32
