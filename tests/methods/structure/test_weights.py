"""Weights: as they act, one tile per filter, whatever the layer."""

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from tests.networks import NETWORKS


def test_three_input_channels_in_colour_on_one_scale() -> None:
    model = NETWORKS["article_net"].build()
    result = pl.weights()(model)
    weight = model.conv1.weight.detach().numpy()
    assert result.layer == "conv1:weight" and result.axes == ("filter", "channel", "height", "width")
    expected = 0.5 + weight.transpose(0, 2, 3, 1) / (2 * np.abs(weight).max())
    np.testing.assert_allclose(np.stack(result.images), expected, rtol=1e-5)
    assert len(pl.weights(filters=2)(model).images) == 2 and pl.weights(filters=2)(model).values.shape == weight.shape


def test_deeper_filters_show_their_strongest_channel_and_name_it() -> None:
    model = NETWORKS["article_net"].build()
    result = pl.weights(layer="conv2")(model)
    for index, (tile, caption) in enumerate(zip(result.images, result.captions, strict=True)):
        number, channel = map(int, str(caption).split(" ← "))
        norms = model.conv2.weight[index].flatten(1).norm(dim=1)
        assert number == index and channel == int(norms.argmax())
        assert np.array_equal(tile, model.conv2.weight[index, channel].detach().numpy())


@pytest.mark.parametrize(
    ("layer", "axes", "tiles", "shape"),
    [
        (nn.Conv2d(4, 4, 3, groups=4), ("filter", "channel", "height", "width"), 4, (3, 3)),
        (nn.Conv1d(2, 5, 7), ("filter", "channel", "time"), 5, (1, 7)),
        (nn.Conv3d(1, 2, (2, 3, 4)), ("filter", "channel", "depth", "height", "width"), 2, (3, 8)),
        (nn.ConvTranspose2d(6, 4, 3), ("channel", "filter", "height", "width"), 4, (3, 3)),
        (nn.ConvTranspose1d(6, 4, 5, groups=2), ("channel", "filter", "time"), 4, (1, 5)),
        (nn.Linear(6, 3), ("out", "in"), 1, (3, 6)),
        (nn.Embedding(7, 3), ("out", "in"), 1, (7, 3)),
    ],
    ids=["depthwise", "series", "volume", "transposed", "grouped transposed", "linear", "embedding"],
)
def test_every_kind_of_layer(layer: nn.Module, axes: tuple[str, ...], tiles: int, shape: tuple[int, int]) -> None:
    result = pl.weights()(nn.Sequential(layer))
    assert result.axes == axes and [image.shape for image in result.images] == [shape] * tiles
    assert np.array_equal(result.values, layer.weight.detach().numpy())


def test_a_transposed_filter_is_what_one_output_channel_reads() -> None:
    layer = nn.ConvTranspose2d(2, 3, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.arange(24.0).reshape(2, 3, 2, 2))
    result = pl.weights()(nn.Sequential(layer))
    assert [str(caption) for caption in result.captions] == ["0 ← 1", "1 ← 1", "2 ← 1"]
    assert np.array_equal(result.images[2], layer.weight[1, 2].detach().numpy())


def test_parametrized_weights_are_the_ones_that_act() -> None:
    model = NETWORKS["parametrized"].build()
    for layer in ("0", "2"):
        result = pl.weights(layer=layer)(model)
        assert result.layer == f"{layer}:weight"
        np.testing.assert_allclose(result.values, model[int(layer)].weight.detach().numpy(), rtol=1e-6)


def test_parameters_of_the_root_and_of_several_layers() -> None:
    root = NETWORKS["functional"].build()
    assert pl.weights()(root).layer == ":kernel" and pl.weights(layer=":matrix")(root).values.shape == (4, 6)
    *several, table = pl.weights(layer="conv*")(NETWORKS["article_net"].build())
    assert [one.layer for one in several] == ["conv1:weight", "conv2:weight"]
    assert [row["layer"] for row in table.rows] == ["conv1", "conv2"]
    *every, table = pl.weights(layer="every weight")(NETWORKS["tied_lm"].build())
    assert [one.layer for one in every] == ["embed:weight", "first:weight"] and len(table.rows) == 2


def test_facts_count_copies_and_zeros() -> None:
    layer = nn.Conv2d(3, 5, 3, bias=False)
    with torch.no_grad():
        layer.weight[1] = 2 * layer.weight[0]
        layer.weight[2] = -layer.weight[0]
        layer.weight[3] = 0.0
    facts = pl.weights()(nn.Sequential(layer)).facts
    assert facts["nearly copies"] == facts["copies"] == 2 and facts["empty filters"] == 1
    assert facts["filters"] == 5 and facts["near zero"] >= 0.2
    assert facts["norm"] == pytest.approx(float(layer.weight.detach().double().norm()))


def test_norm_and_pattern_of_deeper_filters() -> None:
    model = NETWORKS["article_net"].build()
    weight = model.conv2.weight.detach().double().numpy()
    norms = pl.weights(layer="conv2", kernels="norm")(model)
    np.testing.assert_allclose(np.stack(norms.images), np.sqrt((weight**2).sum(1)), rtol=1e-5)
    assert not norms.signed
    for tile, caption, one in zip(*_patterns(model), weight, strict=True):
        _, values, right = np.linalg.svd(one.reshape(6, 25), full_matrices=False)
        np.testing.assert_allclose(np.abs(tile).ravel(), values[0] * np.abs(right[0]), atol=1e-6)
        assert str(caption).endswith(f"{values[0] ** 2 / (values**2).sum():.0%}")


def _patterns(model: nn.Module) -> tuple[tuple[np.ndarray, ...], tuple[object, ...]]:
    found = pl.weights(layer="conv2", kernels="pca")(model)
    return found.images, found.captions


def test_own_scales_are_told() -> None:
    model = NETWORKS["article_net"].build()
    own = pl.weights(layer="conv2", scale="filter")(model)
    assert own.scope == "image" and any("own scale" in note.en for note in own.notes)
    colour = pl.weights(scale="filter")(model)
    assert all(max(image.max() - 0.5, 0.5 - image.min()) == pytest.approx(0.5) for image in colour.images)
    assert pl.weights(layer="conv2")(model).scope == "gallery"


def test_seriation_only_reorders_the_picture() -> None:
    model = NETWORKS["article_net"].build()
    plain, found = pl.weights(layer="fc3")(model), pl.weights(layer="fc3", seriate=True)(model)
    assert np.array_equal(plain.values, found.values)
    rows, columns = found.facts["rows"], found.facts["columns"]
    assert sorted(rows) == list(range(10)) and sorted(columns) == list(range(84))
    assert np.array_equal(found.images[0], plain.images[0][list(rows)][:, list(columns)])
    assert any("reordered" in note.en for note in found.notes)


@pytest.mark.parametrize("bins", [1, 7, 50])
def test_counts_add_up_to_all_weights(bins: int) -> None:
    model = NETWORKS["article_net"].build()
    _, counts = pl.weights(layer="conv2", bins=bins)(model)
    expected, edges = np.histogram(model.conv2.weight.detach().double().numpy(), bins)
    assert counts.curves["now"].sum() == model.conv2.weight.numel() and np.array_equal(counts.curves["now"], expected)
    np.testing.assert_allclose(counts.facts["edges"], edges)


def test_the_table_has_every_layer() -> None:
    model = NETWORKS["article_net"].build()
    *_, table = pl.weights(layer="every weight")(model)
    for row in table.rows:
        layer = model.get_submodule(row["layer"])
        weight = layer.weight.detach().double()
        assert row["norm"] == pytest.approx(float(weight.norm())) and row["shape"] == tuple(weight.shape)
        assert row["bias"] == pytest.approx(float(layer.bias.detach().double().norm()))
        assert row["std"] == pytest.approx(float(weight.std(correction=0)))
        assert row["distribution"].sum() == weight.numel() and row["kind"] == type(layer).__name__
    assert "change" not in table.columns


def test_a_bias_and_a_kernel_of_one_tap_are_drawn_whole() -> None:
    model = NETWORKS["article_net"].build()
    bias = pl.weights(layer="conv1:bias")(model)
    assert np.array_equal(bias.images[0][0], model.conv1.bias.detach().numpy()) and bias.axes == ("out",)
    mixing = pl.weights()(nn.Sequential(nn.Conv2d(5, 8, 1)))
    assert [image.shape for image in mixing.images] == [(8, 5)] and mixing.values.shape == (8, 5, 1, 1)


def test_what_is_not_finite_is_counted() -> None:
    layer = nn.Conv2d(3, 2, 3)
    with torch.no_grad():
        layer.weight[0, 0, 0, 0], layer.weight[1, 0, 0, 0] = torch.nan, torch.inf
    found = pl.weights()(nn.Sequential(layer))
    assert found.facts["not finite"] == 2 and np.isfinite(found.images[1]).all()


def test_it_says_what_is_there_and_runs_nothing() -> None:
    model = NETWORKS["article_net"].build()
    views = pl.Lens(model).see(None, pl.weights(layer="fc3"))
    assert (views.cost.forwards, views.cost.backwards) == (0, 0)
    assert "One picture" in views[0].describe("en") and "1 张图" in views[0].describe("zh")
    assert "features, not pixels" in views[0].describe("en") and "而非像素" in views[0].describe("zh")


def test_errors() -> None:
    with pytest.raises(pl.NotApplicable, match="weight matrix"):
        pl.weights()(nn.ReLU())
    with pytest.raises(pl.NotApplicable, match="complex"):
        pl.weights()(nn.Sequential(nn.Linear(2, 2, dtype=torch.complex64)))
    with pytest.raises(pl.NotApplicable, match="meta"):
        pl.weights()(nn.Sequential(nn.Linear(2, 2, device="meta")))
    with pytest.raises(pl.LayerNotFound, match="no weight of its own"):
        pl.weights(layer="pool")(NETWORKS["article_net"].build())
    with pytest.raises(pl.NotApplicable, match="weight matrix"):
        pl.weights(layer="0.bn1")(NETWORKS["residual"].build())
