"""Curves and table of several layers."""

import torch
from torch import nn

from pellucid.methods.structure._spectrum_drawn import CHARTS, charts, curves, findings, table
from pellucid.methods.structure._spectrum_row import Row, row_of
from pellucid.methods.structure._weights_held import Held


def _rows(count: int, fall: float = 0.0) -> list[Row]:
    source = torch.Generator().manual_seed(0)
    scale = 10.0 ** (-fall * torch.arange(20))
    return [
        row_of(Held(f"{i}:weight", "", torch.randn(60, 20, generator=source) * scale, nn.Linear(20, 60)), None, 100)
        for i in range(count)
    ]


def test_charts_stand_beside_a_few_layers() -> None:
    assert [len(charts(_rows(count))) for count in (1, 2, CHARTS, CHARTS + 1)] == [0, 2, CHARTS, 0]


def test_the_axis_is_logarithmic_where_that_names_decades() -> None:
    assert curves(_rows(2, 0.2), ()).log and not curves(_rows(2), ()).log


def test_random_matrices_are_counted_beside_the_fits() -> None:
    rows = [row_of(Held(f"{i}:weight", "", torch.randn(90, 60), None), None, 100) for i in range(3)]
    (note,) = (one for one in findings(rows, None) if "power law" in one.en)
    held = sum(row.tail is not None and row.tail.holds for row in rows)
    assert f"{held} of 3 layers" in note.en and "of 3 random matrices" in note.en
    assert note.zh.count("3") >= 2
    assert {row["power_law"] for row in table(rows, ()).rows} <= {True, False}
