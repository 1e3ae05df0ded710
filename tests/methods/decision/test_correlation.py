"""Correlation: on noise a linear unit shows its weights, and everything else what theory says of it."""

from importlib import import_module
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import norm, pearsonr
from torch import Tensor, nn

import pellucid as pl
from pellucid.core.errors import BadInput, NotApplicable
from pellucid.results import Gallery, Table
from pellucid.results.failure import Failure
from tests.contract.datasets import VOCABULARY, Reads
from tests.inputs.test_text import Words
from tests.networks.network import seeded

Found = tuple[Gallery, Gallery, Table]


def correlated(model: nn.Module, data: Any, **settings: Any) -> Found:
    """Maps, standard errors and table of one layer."""
    given = pl.Lens(model.eval()).sweep(data, pl.correlation(**settings), batch_size=64)[0]
    if isinstance(given, Failure):
        assert given.error is not None
        raise given.error
    return given


def convolution(**settings: Any) -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(3, 5, 3, **settings)


def pairs(model: nn.Module, data: Tensor, size: int, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Every box and the units above it, of a valid convolution, one after another."""
    seen: list[np.ndarray] = []
    units: list[np.ndarray] = []
    with torch.no_grad():
        for x in data:
            value = model(x[None])[0]
            for row in range(value.shape[1]):
                for column in range(value.shape[2]):
                    top, left = row * stride, column * stride
                    seen.append(x[:, top : top + size, left : left + size].reshape(-1).numpy())
                    units.append(value[:, row, column].numpy())
    return np.stack(seen).astype(np.float64), np.stack(units).astype(np.float64)


@pytest.mark.parametrize("measure", ["correlation", "covariance", "weights"])
def test_it_is_what_the_formula_says_of_every_pair(measure: Any) -> None:
    """A loop over samples and positions, pearsonr and lstsq."""
    model = nn.Sequential(convolution(stride=2), nn.Tanh()).double().eval()
    data = (torch.randn(30, 3, 9, 7, generator=torch.Generator().manual_seed(1)) * 2 + 1).double()
    data[:, 1] += data[:, 0]  # pixels that are alike
    values = correlated(model, data, layer="1", channels=(3, 0), measure=measure)[0].values.reshape(2, -1)
    seen, units = pairs(model, data, 3, 2)
    for one, unit in zip(values, (3, 0), strict=True):
        expected: Any
        if measure == "correlation":
            expected = [pearsonr(pixel, units[:, unit])[0] for pixel in seen.T]
        elif measure == "covariance":
            expected = [np.cov(pixel, units[:, unit])[0, 1] for pixel in seen.T]
        else:
            design = np.concatenate([seen, np.ones((len(seen), 1))], 1)
            expected = np.linalg.lstsq(design, units[:, unit])[0][:-1]
        np.testing.assert_allclose(one, expected, rtol=1e-10, atol=1e-10)


def test_least_squares_of_single_precision_to_1e_6() -> None:
    model = nn.Sequential(convolution(), nn.ReLU()).eval()
    data = torch.randn(40, 3, 6, 6, generator=torch.Generator().manual_seed(2))
    values = correlated(model, data, layer="1", channels=(0, 1), measure="weights")[0].values.reshape(2, -1)
    seen, units = pairs(model, data, 3, 1)
    design = np.concatenate([seen, np.ones((len(seen), 1))], 1)
    expected = np.linalg.lstsq(design, units[:, :2])[0][:-1].T
    assert np.abs(values - expected).max() < 1e-6 * np.abs(expected).max()


def test_on_noise_the_covariance_of_a_linear_unit_is_its_weights_times_the_variance() -> None:
    model = convolution()
    weights = model.weight.detach().numpy()
    maps, errors, _ = correlated(
        model, "noise:300#3x12x12,sd=0.5", layer="", channels=tuple(range(5)), measure="covariance"
    )
    apart = (maps.values / 0.25 - weights) / (errors.values / 0.25)
    assert maps.values.shape == weights.shape and abs((apart**2).mean() - 19 / 17) < 0.35  # of t with 19 degrees
    exact = correlated(model, "noise:300#3x12x12,sd=0.5", layer="", channels=tuple(range(5)), measure="weights")[0]
    np.testing.assert_allclose(exact.values, weights, atol=1e-6)


@pytest.mark.parametrize("bias", [-1.0, 0.0, 0.7])
def test_on_noise_a_rectified_unit_keeps_its_weights_by_the_share_of_time_that_it_is_on(bias: float) -> None:
    """Bussgang: cov(x, relu(wx + b)) = Φ(b / ‖w‖) w; two thirds of the errors lie within one standard error."""
    torch.manual_seed(0)
    linear = nn.Linear(120, 6)
    nn.init.constant_(linear.bias, bias)
    weights = linear.weight.detach().numpy()
    maps, errors, _ = correlated(
        nn.Sequential(linear, nn.ReLU()), "noise:3000#120", layer="1", channels=tuple(range(6)), measure="covariance"
    )
    norms = np.linalg.norm(weights, axis=1, keepdims=True)
    expected = norm.cdf(bias / norms) * weights
    apart = (maps.values - expected) / errors.values
    assert abs((np.abs(apart) < 1).mean() - 0.670) < 0.06  # of t with 19 degrees of freedom
    assert (np.abs(apart) < 2.86).mean() > 0.97  # its 99 % band
    assert np.abs(maps.values - expected).max() < 6 * float(np.median(errors.values))
    samples = pl.data("noise:3000#120")
    x = torch.stack([torch.as_tensor(samples.reader.take(i).x) for i in range(3000)])
    units = torch.relu(linear(x)).detach()
    products = torch.einsum("ni,nj->nji", x - x.mean(0), units - units.mean(0))
    classical = products.std(0).numpy() / sqrt(3000)  # of a mean of independent products
    np.testing.assert_allclose(np.mean(errors.values**2, 1) ** 0.5, np.mean(classical**2, 1) ** 0.5, rtol=0.06)


def test_errors_are_right_where_the_pairs_of_a_sample_are_alike() -> None:
    """Of pictures that are almost flat every pair of one sample says the same; the error is that of the samples."""
    generator = torch.Generator().manual_seed(3)
    found: list[float] = []
    stated: list[float] = []
    for _ in range(40):
        level, other = torch.randn(2, 40, generator=generator).double()
        data = torch.stack([level, other], 1)[:, :, None, None].expand(40, 2, 6, 6)
        two = nn.Conv2d(2, 1, 1, bias=False).double()
        two.weight.data[:] = torch.tensor([1.0, 0.0])[None, :, None, None]
        maps, errors, _ = correlated(two, data, layer="", channels=(0,))
        found.append(float(maps.values[0, 1, 0, 0]))  # the correlation with what the unit does not read
        stated.append(float(errors.values[0, 1, 0, 0]))
    assert 0.8 < np.mean(stated) / np.std(found) < 1.25
    assert np.mean(stated) > 4 / sqrt(40 * 36)  # what all pairs together would promise


def test_a_planted_unit_is_smeared_by_correlated_pixels_and_found_by_whitening() -> None:
    generator = torch.Generator().manual_seed(4)
    white = torch.randn(400, 1, 16, 16, generator=generator)
    kernel = torch.ones(1, 1, 5, 5) / 25
    data = nn.functional.conv2d(white, kernel)  # neighbours are alike
    first = nn.Conv2d(1, 1, 5, bias=False)
    nn.init.zeros_(first.weight)
    first.weight.data[0, 0, 2, 2] = 1.0
    model = nn.Sequential(first, nn.ReLU())
    plain = correlated(model, data, layer="1", channels=(0,))[0].values[0, 0]
    found = correlated(model, data, layer="1", channels=(0,), measure="weights")[0].values[0, 0]
    assert plain[2, 2] == plain.max() and plain[2, 1] > 0.6 * plain[2, 2]
    assert np.argmax(found) == 12 and np.abs(np.delete(found.ravel(), 12)).max() < 0.1 * found[2, 2]


def test_the_units_of_the_first_layer_of_efficientnet_correlate_with_their_filters() -> None:
    """At least 0.95 for every channel that is not dead, before and after batch norm and ReLU6; below a sixth of it."""
    lens = pl.open("demo")
    (weights,) = (value for name, value in lens.model.named_parameters() if name == "_conv_stem.weight")
    filters = weights.detach().numpy().reshape(32, -1)
    views = [pl.correlation(layer=layer, channels=tuple(range(32))) for layer in ("_conv_stem", "_swish#0")]
    for (maps, errors, table), fewest in zip(lens.sweep("noise:64", *views), (32, 28), strict=True):
        dead = {int(row["channel"]) for row in table.rows if row["largest"] is None}
        alive = [unit for unit in range(32) if unit not in dead]
        assert len(alive) >= fewest
        for unit in alive:
            assert np.corrcoef(maps.values[unit].ravel(), filters[unit])[0, 1] >= 0.95
        assert maps.facts["pairs"] == 64 * 256 and errors.values.max() < 0.02


@pytest.mark.parametrize(
    ("model", "data", "shape", "pairs"),
    [
        (nn.Conv1d(2, 4, 5, stride=2, padding=2), "noise:30#2x40", (4, 2, 5), 30 * 18),
        (nn.Conv2d(1, 4, 3, padding=1), "noise:30#1x8x9", (4, 1, 3, 3), 30 * 42),
        (nn.Conv2d(7, 4, 3, dilation=2), "noise:30#7x9x9", (4, 7, 5, 5), 30 * 25),
        (nn.Conv3d(1, 4, 2), "noise:30#1x4x4x4", (4, 1, 2, 2, 2), 30 * 27),
        (nn.Linear(6, 4), "noise:30#6", (4, 6), 30),
    ],
)
def test_inputs_of_every_kind(model: nn.Module, data: str, shape: tuple[int, ...], pairs: int) -> None:
    maps, errors, table = correlated(model, data, layer="")
    assert maps.values.shape == errors.values.shape == shape and maps.facts["pairs"] == pairs
    assert len(maps.axes) == len(shape) and len(maps.images) == len(table.rows) == 4
    order = maps.facts["channels"]
    weight = model.get_parameter("weight").detach().numpy()[list(order)]
    step = 2 if isinstance(model, nn.Conv2d) and model.dilation[0] == 2 else 1
    taken = maps.values[:, :, ::step, ::step] if weight.ndim == 4 else maps.values
    assert np.corrcoef(taken.ravel(), weight.ravel())[0, 1] > 0.75
    if step == 2:
        assert np.abs(maps.values[:, :, 1::2]).max() < 6 * float(np.median(errors.values))


def test_channels_that_stand_out_come_first_and_dead_ones_have_no_map() -> None:
    first = nn.Linear(8, 4, bias=False)
    weight = torch.zeros(4, 8)
    weight[2], weight[1, 0], weight[3, :3] = torch.arange(8.0) - 3.5, -1.0, 1.0
    first.weight.data[:] = weight
    maps, _, table = correlated(nn.Sequential(first, nn.ReLU()), "noise:500#8", layer="1", channels=4)
    assert maps.facts["channels"] == (2, 3, 1) and len(maps.images) == 3
    assert [row["channel"] for row in table.rows] == ["2", "3", "1", "0"] and table.rows[-1]["largest"] is None
    assert any("never var" in note.en for note in maps.notes)


def test_what_it_cannot_do_is_refused_with_what_to_try() -> None:
    model = nn.Linear(900, 3)
    rows = torch.randn(40, 900, generator=torch.Generator().manual_seed(5))
    with pytest.raises(NotApplicable, match="900 values") as caught:
        correlated(model, rows, layer="", measure="weights")
    assert "noise:4096" in caught.value.hint
    maps = correlated(model, "noise:400#900,sd=2", layer="", measure="weights")[0]
    assert maps.facts["whitened by"] == "white"
    alike = np.corrcoef(maps.values.ravel(), model.weight.detach()[list(maps.facts["channels"])].ravel())[0, 1]
    assert abs(alike - sqrt(400 / 1300)) < 0.05  # n samples of d pixels leave √(n / (n + d))
    with pytest.raises(pl.BadSetting, match="channels 0 to 2"):
        correlated(model, rows, layer="", channels=(3,))
    with pytest.raises(NotApplicable, match="no channel"):
        correlated(nn.Sequential(nn.Linear(4, 2), nn.Threshold(1e9, 0.0)), "noise:9#4", layer="1")
    with pytest.raises(NotApplicable, match="needs two"):
        correlated(nn.Linear(4, 2), "noise:1#4", layer="")


def test_of_large_boxes_as_many_channels_are_looked_at_as_there_is_memory_for(monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("pellucid.methods.decision.correlation")
    monkeypatch.setattr(module, "_KEPT", 10 * 40 * 3)
    model = nn.Linear(40, 9)
    maps, _, table = correlated(model, "noise:60#40", layer="", channels=3)
    assert {row["channel"] for row in table.rows} == {"0", "4", "8"} and maps.facts["groups"] == 10
    assert any("of 3 evenly chosen ones" in note.en for note in maps.notes)
    with pytest.raises(pl.BadSetting, match="memory for 3 channels"):
        correlated(model, "noise:60#40", layer="", channels=(0, 1, 2, 3))
    assert correlated(model, "noise:60#40", layer="", channels=(5, 1))[0].facts["channels"] == (5, 1)


def test_no_channels_are_refused() -> None:
    with pytest.raises(pl.BadSetting, match="names no channel"):
        correlated(convolution(), torch.randn(4, 3, 8, 8), layer="", channels=())


def test_of_pictures_that_none_can_be_read_the_reason_is_told(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.jpg").write_bytes(b"nothing")
    lens = pl.Lens(convolution(), preprocess=pl.Preprocess(mean=(0,) * 3, std=(1,) * 3, size=(8, 8)))
    with pytest.raises(BadInput, match=r"none of the first 2 samples can be read; the last one: .*b\.jpg") as refused:
        pl.correlation(layer="")(lens, f"folder:{tmp_path}")
    assert refused.value.hint == "check the data set"


def test_words_are_refused() -> None:
    lens = pl.Lens(seeded(Reads)(), tokenizer=Words(VOCABULARY))
    given = lens.sweep(["a b", "c d a"], pl.correlation(layer="body"))[0]
    assert isinstance(given, Failure) and isinstance(given.error, NotApplicable)
    assert "words" in given.error.what and "top_regions" in given.error.hint


def test_pixels_that_never_vary_and_singular_covariances_are_told() -> None:
    generator = torch.Generator().manual_seed(6)
    data = torch.randn(60, 6, generator=generator)
    data[:, 2], data[:, 4] = 1.5, data[:, 3]
    model = nn.Linear(6, 2)
    maps = correlated(model, data, layer="", measure="weights", channels=(0, 1))[0]
    said = " ".join(note.en for note in maps.notes)
    assert "1 of 6 values of the box never vary" in said and "singular" in said and maps.facts["ridge"] == 1e-3
    assert not maps.values[:, 2].any()
    ridged = correlated(model, data, layer="", measure="weights", channels=(0, 1), ridge=0.5)[0]
    live = np.delete(data.double().numpy(), 2, 1)
    own = np.cov(live.T) + 0.5 * np.var(live, axis=0, ddof=1).mean() * np.eye(5)
    units = data.double().numpy() @ model.weight.detach().double().numpy().T
    expected = np.linalg.solve(own, (live - live.mean(0)).T @ (units - units.mean(0)) / 59).T
    np.testing.assert_allclose(np.delete(ridged.values, 2, 1), expected, atol=1e-6)
    assert any("0.5 of the mean variance" in note.en for note in ridged.notes)


def test_samples_of_another_size_do_not_count_and_are_told() -> None:
    generator = torch.Generator().manual_seed(7)
    data = [torch.randn(3, 8, 9 if i % 4 == 3 else 8, generator=generator) for i in range(16)]
    maps = correlated(nn.Sequential(convolution(), nn.ReLU()), data, layer="1")[0]
    assert maps.facts["pairs"] == 12 * 36 and any("4 samples are of another shape" in note.en for note in maps.notes)


def test_where_all_of_the_input_is_seen_one_position_is_looked_at() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.Conv2d(2, 3, 9, padding=4))
    maps = correlated(model, "noise:50#1x5x5", layer="2")[0]
    assert maps.values.shape == (3, 1, 5, 5) and maps.facts["pairs"] == 50
    assert any("whole input" in note.en for note in maps.notes)
