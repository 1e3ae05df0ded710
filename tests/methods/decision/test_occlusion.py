"""Occlusion: the formula by hand, its identities, Captum, inputs of every kind, and what it costs."""

import copy
import math
from functools import cache

import numpy as np
import pytest
import torch
from captum.attr import Occlusion
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torchvision.models import resnet18, vgg11_bn
from torchvision.models.vgg import cfgs, make_layers

import pellucid as pl
from pellucid.engine.cones import cone
from tests.networks import NETWORKS, seeded
from tests.oracle.naive import chosen


def naive(model, x: Tensor, target, size, stride, fill=0.0) -> np.ndarray:
    """One window, one example, one forward at a time; `(batch, *grid)`."""
    grid = x.shape[2:]
    fill = torch.as_tensor(fill, dtype=x.dtype).expand_as(x)
    ends = [max(0, math.ceil((side - wide) / step)) * step for side, wide, step in zip(grid, size, stride, strict=True)]
    places = [range(0, end + 1, step) for end, step in zip(ends, stride, strict=True)]
    total, count = np.zeros((len(x), *grid)), np.zeros((len(x), *grid))
    with torch.no_grad():
        clean = chosen(model(x), target)
        for start in np.ndindex(*map(len, places)):
            part = tuple(slice(places[axis][i], places[axis][i] + size[axis]) for axis, i in enumerate(start))
            for n in range(len(x)):
                covered = x[n : n + 1].clone()
                covered[(slice(None), slice(None), *part)] = fill[(slice(n, n + 1), slice(None), *part)]
                total[(n, *part)] += float(clean[n] - chosen(model(covered), [target[n]])[0])
                count[(n, *part)] += 1
    return total / count


@pytest.mark.parametrize(
    ("network", "size", "stride", "fill"),
    [
        ("article_net", (8, 8), (8, 8), 0.0),
        ("article_net", (9, 7), (6, 5), 0.3),
        ("non_square", (4, 5), (3, 5), -1.0),
        ("series", (6,), (4,), 0.0),
        ("volume", (4, 5, 6), (4, 3, 6), 0.1),
    ],
)
def test_the_formula(network, size, stride, fill) -> None:
    model, x = NETWORKS[network].build().double(), NETWORKS[network].x(2).double()
    result = pl.occlusion(size=size, stride=stride, baselines=fill)(model, x, target=[1, 2])
    expected = naive(model, x, [1, 2], size, stride, fill)
    np.testing.assert_allclose(result.values, expected, rtol=0, atol=1e-12 * np.abs(expected).max() + 1e-15)
    assert result.facts["size"] == size and result.facts["stride"] == stride


@cache
def network(name: str) -> nn.Module:
    """ResNet-18, or VGG-11 with batch norm and one linear layer behind it."""
    if name == "resnet18":
        return seeded(lambda: resnet18(num_classes=10))()
    with torch.device("meta"):
        made = vgg11_bn(num_classes=10)
    made.classifier = nn.Linear(512 * 49, 10)
    made.features = seeded(lambda: make_layers(cfgs["A"], batch_norm=True))()
    return made.eval()


@pytest.mark.parametrize("name", ["resnet18", "vgg11_bn"])
@pytest.mark.parametrize(("shape", "size", "stride"), [((64, 64), (32, 32), (16, 16)), ((50, 66), (30, 40), (19, 26))])
def test_captum(name, shape, size, stride) -> None:
    """Captum keeps its masks and sums in float32; in double precision that is all of the difference."""
    model = copy.deepcopy(network(name)).double()
    x, target = torch.randn(2, 3, *shape, dtype=torch.float64), [7, 2]
    result = pl.occlusion(size=size, stride=stride)(model, x, target=target)
    peer = Occlusion(model).attribute(
        x, target=torch.tensor(target), sliding_window_shapes=(3, *size), strides=(3, *stride), perturbations_per_eval=8
    )
    expected = peer.numpy()[:, 0]
    assert np.abs(result.values - expected).max() <= 2e-7 * np.abs(expected).max()


def linear(*shape: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), 2, dtype=torch.float64)).eval()


@given(fill=st.floats(-2, 2), seed=st.integers(0, 99))
def test_one_pixel_of_a_linear_model_is_its_contribution(fill, seed) -> None:
    torch.manual_seed(seed)
    model, x = linear(3, 4, 5), torch.randn(2, 3, 4, 5, dtype=torch.float64)
    result = pl.occlusion(size=1, baselines=fill)(model, x, target=1)
    expected = ((x - fill) * model[1].weight[1].reshape(3, 4, 5)).sum(1)
    np.testing.assert_allclose(result.values, expected.detach().numpy(), rtol=0, atol=1e-13)


@given(size=st.tuples(st.integers(1, 4), st.integers(1, 5)))
def test_a_window_of_an_additive_model_is_the_sum_of_its_pixels(size) -> None:
    class Additive(nn.Module):
        def forward(self, x):
            return (x**3).sum((1, 2, 3))[:, None]

    x = torch.randn(1, 3, 8, 10, dtype=torch.float64)
    result = pl.occlusion(size=size, stride=size)(Additive(), x)
    for row in range(0, 8, size[0]):
        for column in range(0, 10, size[1]):
            window = (x**3)[0, :, row : row + size[0], column : column + size[1]].sum()
            values = result.values[0, row : row + size[0], column : column + size[1]]
            np.testing.assert_allclose(values, float(window), rtol=0, atol=1e-12)


def test_the_whole_image_is_the_difference_to_the_fill() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1)
    result = pl.occlusion(size=99, baselines=0.5)(model, x, target=3)
    with torch.no_grad():
        expected = float(model(x)[0, 3] - model(torch.full_like(x, 0.5))[0, 3])
    np.testing.assert_allclose(result.values, expected, rtol=1e-5)
    assert result.facts["windows"] == 1


def test_covering_with_the_input_itself_changes_nothing() -> None:
    model, x = NETWORKS["residual"].build(), NETWORKS["residual"].x(2)
    result = pl.occlusion(baselines=x)(model, x, target=1)
    assert np.abs(result.values).max() < 1e-6


@pytest.mark.parametrize("name", ["resnet18", "vgg11_bn"])
def test_only_what_changes_is_computed_and_the_map_is_the_same(name, monkeypatch) -> None:
    monkeypatch.setattr(cone, "PAYS", float("inf"))
    lens, x = pl.Lens(network(name)), torch.randn(2, 3, 96, 96)
    views = lens.see(x, pl.occlusion(size=24, stride=24), target=[1, 2])
    monkeypatch.setattr(cone, "PAYS", 0.0)
    plain = pl.Lens(lens.model).see(x, pl.occlusion(size=24, stride=24), target=[1, 2])
    with torch.no_grad():
        scale = float(lens.model(x).abs().max())
    assert np.abs(views[0].values - plain[0].values).max() < 1e-5 * scale
    assert (views.cost.forwards, views.cost.samples) == (4, 2 + 1 + 4 + 1)
    assert (plain.cost.forwards, plain.cost.samples) == (1 + 1 + 2, 2 + 1 + 2 * 16)


def test_passes() -> None:
    """The first look also finds out, on one example, that computing only what changes would not pay."""
    lens, x = pl.Lens(NETWORKS["article_net"].build()), NETWORKS["article_net"].x(2)
    whole = lens.see(x, pl.occlusion(size=8, stride=8), target=1)
    cut = lens.see(x, pl.occlusion(size=8, stride=8, batch_size=5), target=1)
    assert (whole.cost.forwards, whole.cost.samples) == (1 + 1 + 2, 2 + 1 + 2 * 16)
    assert (cut.cost.forwards, cut.cost.samples) == (1 + 2 * 4, 2 + 2 * 16)
    np.testing.assert_allclose(cut[0].values, whole[0].values, atol=1e-6)


def test_usual_windows() -> None:
    usual = {"article_net": ((5, 5), (2, 2)), "series": ((2,), (1,)), "volume": ((2, 2, 2), (1, 1, 1))}
    for name, (size, stride) in {**usual, "rows": ((1,), (1,))}.items():
        facts = pl.occlusion()(NETWORKS[name].build(), NETWORKS[name].x(1), target=0).facts
        assert (facts["size"], facts["stride"]) == (size, stride)


def test_columns() -> None:
    model, x = NETWORKS["rows"].build(), NETWORKS["rows"].x(2)
    result = pl.occlusion(baselines=0.5)(model, x, target=[1, 2])
    with torch.no_grad():
        clean = chosen(model(x), [1, 2])
        for column in range(x.shape[1]):
            without = x.clone()
            without[:, column] = 0.5
            fall = clean - chosen(model(without), [1, 2])
            np.testing.assert_allclose(result.values[:, column], fall.numpy(), atol=1e-6)
    assert result.axes == ("batch", "feature")


def test_tokens_at_their_embedding() -> None:
    model, x = NETWORKS["tied_lm"].build(), NETWORKS["tied_lm"].x(2)
    result = pl.occlusion(size=2)(model, x, target=(4, 3))
    embedded = model.embed(x).detach()
    falls = []
    with torch.no_grad():
        clean = model(x)[:, 4, 3]
        for start in range(4):
            covered = embedded.clone()
            covered[:, start : start + 2] = 0
            handle = model.embed.register_forward_hook(lambda *_, covered=covered: covered)
            falls.append((clean - model(x)[:, 4, 3]).numpy())
            handle.remove()
    expected = np.stack([falls[0], *((falls[i] + falls[i + 1]) / 2 for i in range(3)), falls[3]], 1)
    np.testing.assert_allclose(result.values, expected, atol=1e-6)
    assert result.axes == ("batch", "token") and result.base.kind == "tokens"


def test_several_inputs_are_covered_one_at_a_time() -> None:
    model, (image, row) = NETWORKS["two_inputs"].build(), NETWORKS["two_inputs"].x(2)
    first, second = pl.occlusion(size=10)(model, (image, row), target=2)
    with torch.no_grad():
        clean = model(image, row)[:, 2]
        without = clean - model(torch.zeros_like(image), row)[:, 2]
        blank = clean - model(image, torch.zeros_like(row))[:, 2]
    np.testing.assert_allclose(first.values[:, 0, 0], without.numpy(), atol=1e-6)
    np.testing.assert_allclose(second.values[:, 0], blank.numpy(), atol=1e-6)


def test_groups_are_covered_one_at_a_time() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(2)
    labels = torch.zeros(32, 32, dtype=torch.long)
    labels[:, 20:], labels[:5] = 1, 2
    result = pl.occlusion(groups=labels, baselines=0.25)(model, x, target=[1, 2])
    with torch.no_grad():
        clean = chosen(model(x), [1, 2])
        for group in range(3):
            covered = torch.where(labels == group, torch.tensor(0.25), x)
            fall = (clean - chosen(model(covered), [1, 2])).numpy()
            for n in range(2):
                np.testing.assert_allclose(result.values[n][labels.numpy() == group], fall[n], atol=1e-6)
    cells = pl.occlusion(groups="grid:4")(model, x, target=1).values
    np.testing.assert_allclose(cells, pl.occlusion(size=8, stride=8)(model, x, target=1).values, atol=1e-6)


def test_the_mean_and_the_blur_of_the_picture_as_fill() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1)
    result = pl.occlusion(size=8, stride=8, baselines="mean")(model, x, target=3)
    expected = naive(model, x, [3], (8, 8), (8, 8), x.mean((2, 3), keepdim=True))
    np.testing.assert_allclose(result.values, expected, atol=1e-6)
    assert "the mean" in result.notes[-1].en and "均值" in result.notes[-1].zh
    flat = torch.full((1, 3, 32, 32), 0.7)
    assert np.abs(pl.occlusion(baselines="blur")(model, flat, target=1).values).max() < 1e-5


def test_it_finds_the_only_pixel_that_counts_and_says_so() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 144, 2, bias=False))
    with torch.no_grad():
        weight = torch.zeros(2, 3, 12, 12)
        weight[1, 0, :2, -2:] = 1.0
        model[1].weight.copy_(weight.flatten(1))
    result = pl.occlusion(size=2, stride=2)(model.eval(), torch.ones(1, 3, 12, 12), target=1)
    assert (result.values[0, :2, -2:] == 4).all() and np.count_nonzero(result.values) == 4
    assert "upper right" in result.describe("en") and "右上" in result.describe("zh")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"size": (3, 3, 3)}, "for 2 axes"),
        ({"size": (3, 0)}, "for 2 axes"),
        ({"size": 3, "stride": 4}, "leaves gaps"),
        ({"groups": "grid:4", "size": 3}, "belong to windows"),
        ({"baselines": "grey"}, "no baseline is called"),
        ({"baselines": (0.0, 0.0)}, "2 baselines"),
    ],
)
def test_errors(settings, says) -> None:
    with pytest.raises(pl.BadSetting, match=says):
        pl.occlusion(**settings)(NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1))


def test_settings_are_checked() -> None:
    for settings in ({"size": 0}, {"stride": 0}, {"batch_size": 0}, {"size": 2.5}):
        with pytest.raises(pl.BadSetting):
            pl.occlusion(**settings)
