"""What is computed of one weight's singular values."""

import pytest
import torch
from torch import nn

from pellucid.methods.structure._spectrum_row import row_of
from pellucid.methods.structure._weights_held import Held


def _row(layer: nn.Conv2d, grid: int | None = None) -> tuple[float | None, bool]:
    row = row_of(Held("0:weight", "0.weight", layer.weight.detach(), layer), grid, 100)
    return row.torus, row.exact


@pytest.mark.parametrize(
    ("settings", "exact"),
    [
        ({"padding": 1, "padding_mode": "circular"}, True),
        ({"padding": "same", "padding_mode": "circular"}, True),
        ({"padding": 2, "dilation": 2, "padding_mode": "circular"}, True),
        ({"padding": 1, "padding_mode": "circular", "stride": 2}, False),
        ({"padding": 0, "padding_mode": "circular"}, False),
        ({"padding": 1}, False),
    ],
)
def test_exact_only_where_the_layer_is_that_map(settings: dict[str, int | str], exact: bool) -> None:
    torus, told = _row(nn.Conv2d(2, 3, 3, **settings), 6)  # type: ignore[arg-type]
    assert torus is not None and told == exact


def test_no_grid_no_torus() -> None:
    assert _row(nn.Conv2d(2, 3, 3)) == (None, False)


def test_the_variance_is_about_the_mean() -> None:
    weight = 5 + torch.randn(40, 30, generator=torch.Generator().manual_seed(0))
    row = row_of(Held("0:weight", "0.weight", weight, None), None, 100)
    assert row.noise.edge == pytest.approx(float(weight.std(correction=0)) * (40**0.5 + 30**0.5), rel=1e-5)
    assert row.above == 1
