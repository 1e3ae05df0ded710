"""Weight spectrum: curves and numbers of every layer, against numpy."""

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid import registry
from tests.networks import NETWORKS

weight_spectrum = registry.factory("weight_spectrum")


def test_numbers_of_every_layer() -> None:
    model = NETWORKS["article_net"].build()
    series, table = weight_spectrum()(model)
    assert list(series.curves) == [row["layer"] for row in table.rows]
    assert series.values.shape == (5, 120) and series.axes == ("curve", "position")
    for row in table.rows:
        weight = model.get_parameter(row["layer"].replace(":", ".")).detach().double().flatten(1).numpy()
        values = np.linalg.svd(weight, compute_uv=False)
        curve = series.curves[row["layer"]]
        np.testing.assert_allclose(curve[: len(values)], values, rtol=1e-6)
        assert np.isnan(curve[len(values) :]).all()
        shares = values**2 / (values**2).sum()
        assert row["effective_rank"] == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))
        assert row["stable_rank"] == pytest.approx((weight**2).sum() / values[0] ** 2)
        assert row["largest"] == pytest.approx(values[0]) and row["norm"] == pytest.approx(np.linalg.norm(weight))
        assert row["condition"] == pytest.approx(np.linalg.cond(weight), rel=1e-6)
        assert row["edge"] == pytest.approx(weight.std() * sum(np.sqrt(weight.shape)))
        assert row["rank"] == len(values)


def test_one_layer_stands_beside_its_random_matrix() -> None:
    series, table = weight_spectrum(layer="fc1")(NETWORKS["article_net"].build())
    assert list(series.curves) == ["weight", "random"] and series.layer == "fc1:weight" and not table.beside
    weight, random = series.curves.values()
    assert np.abs(weight - random).max() < 0.1 * series.facts["edge"]  # it is not trained
    assert series.facts["above chance"] == table.rows[0]["above"] == 0


def test_what_was_put_in_is_above_chance() -> None:
    layer = nn.Linear(60, 80, bias=False)
    with torch.no_grad():
        layer.weight.normal_(generator=torch.Generator().manual_seed(0))
        layer.weight += 30 * torch.outer(torch.eye(80)[0], torch.eye(60)[0])
    _, table = weight_spectrum()(nn.Sequential(layer))
    assert table.rows[0]["above"] == 1


def test_the_torus_is_exact_only_for_what_wraps() -> None:
    wrapping = nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular", bias=False)
    _, table = weight_spectrum(grid=6)(nn.Sequential(wrapping))
    with torch.no_grad():
        whole = wrapping(torch.eye(72).reshape(72, 2, 6, 6)).flatten(1)
    assert table.rows[0]["torus"] == pytest.approx(float(torch.linalg.matrix_norm(whole, 2)), rel=1e-5)
    assert any("Exact" in note.en for note in table.notes)
    _, other = weight_spectrum(grid=6)(nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(4, 2)))
    assert any("estimate" in note.en for note in other.notes) and other.rows[1]["torus"] is None
    assert "torus" not in weight_spectrum()(nn.Sequential(wrapping))[1].columns


def test_large_matrices_say_that_they_are_estimated() -> None:
    series, table = weight_spectrum(layer="fc1", most=50)(NETWORKS["article_net"].build())
    assert any("random projection" in note.en for note in table.notes) and table.rows[0]["stable_rank"] > 1
    assert "effective_rank" not in table.columns and np.isfinite(series.curves["weight"]).all()


def test_a_dead_filter_lowers_the_rank() -> None:
    layer = nn.Conv2d(3, 4, 3)
    with torch.no_grad():
        layer.weight[1] = 0
        layer.weight[2] = layer.weight[0]
    series, table = weight_spectrum()(nn.Sequential(layer))
    assert table.rows[0]["rank"] == 2 and table.rows[0].get("condition") is None
    assert np.isnan(series.curves["weight"][2:]).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.complex64, torch.float8_e5m2])
def test_every_type_of_number(dtype: torch.dtype) -> None:
    layer = nn.Linear(6, 4, bias=False)
    layer.weight = nn.Parameter(layer.weight.detach().to(dtype), requires_grad=False)
    _, table = weight_spectrum()(nn.Sequential(layer))
    wide = layer.weight.detach().to(torch.complex128 if dtype.is_complex else torch.float64)
    assert table.rows[0]["largest"] == pytest.approx(float(torch.linalg.matrix_norm(wide, 2)), rel=1e-6)


def test_it_runs_nothing_and_reads_itself() -> None:
    views = pl.Lens(NETWORKS["residual"].build()).see(None, weight_spectrum())
    assert (views.cost.forwards, views.cost.backwards) == (0, 0)
    series, table = views[0]
    assert "curves" in series.describe("en") and "奇异值" in series.describe("zh")
    assert "Rows: 7" in table.describe("en")


def test_errors() -> None:
    broken = nn.Linear(2, 2)
    with torch.no_grad():
        broken.weight[0, 0] = torch.nan
    with pytest.raises(pl.NotApplicable, match="not finite"):
        weight_spectrum()(nn.Sequential(broken))
    with pytest.raises(pl.NotApplicable, match="is a row of 2 numbers, not a matrix"):
        weight_spectrum(layer="0:bias")(nn.Sequential(nn.Linear(3, 2)))
    with pytest.raises(pl.NotApplicable, match="meta"):
        weight_spectrum()(nn.Sequential(nn.Linear(3, 2, device="meta")))
    with pytest.raises(pl.NotApplicable, match="weight matrix"):
        weight_spectrum()(nn.ReLU())
