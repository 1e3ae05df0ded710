"""DeepLIFT: the rescale rule, nothing lost on any kind of code, several baselines, inner layers."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import pellucid as pl
from tests.networks import NETWORKS, seeded
from tests.oracle import naive

EXACT = ["article_net", "in_place", "residual", "called_twice", "smooth", "composed_activation", "tiny_vit"]
EXACT += ["channels_behind", "attention", "encoder_layer", "rows", "regression", "series", "volume", "segmentation"]


def double(name: str, examples: int = 2) -> tuple[nn.Module, Tensor]:
    """A network of the zoo with its input, in double precision."""
    return NETWORKS[name].build().double(), NETWORKS[name].x(examples).double()


def pooled_naively(x: Tensor, b: Tensor, pool: nn.MaxPool2d, arrived: Tensor) -> Tensor:
    """Window by window: the difference of the maxima goes to the winner of the larger one, as a multiplier."""
    found = torch.zeros_like(x)
    rows, columns = arrived.shape[2:]
    for n, c, i, j in product(range(x.shape[0]), range(x.shape[1]), range(rows), range(columns)):
        top, left = i * pool.stride - pool.padding, j * pool.stride - pool.padding
        cells = [
            (r, s)
            for r in range(max(top, 0), min(top + pool.kernel_size, x.shape[2]))
            for s in range(max(left, 0), min(left + pool.kernel_size, x.shape[3]))
        ]
        one, two = max(cells, key=lambda p: x[n, c][p]), max(cells, key=lambda p: b[n, c][p])
        change = x[n, c][one] - b[n, c][two]
        at = one if change > 0 else two
        if change != 0:
            found[n, c][at] += arrived[n, c, i, j] * change / (x[n, c][at] - b[n, c][at])
    return found


def restated(layers: nn.Sequential, x: Tensor, b: Tensor, target: list[int]) -> Tensor:
    """The multipliers layer by layer from the last to the first."""
    xs, bs = [x], [b]
    for layer in layers:
        xs.append(layer(xs[-1]).detach())
        bs.append(layer(bs[-1]).detach())
    m = F.one_hot(torch.tensor(target), xs[-1].shape[1]).to(x)
    for layer, one, two, after, before in reversed(list(zip(layers, xs, bs, xs[1:], bs[1:], strict=False))):
        if isinstance(layer, nn.ReLU):
            m = m * torch.where(one == two, (one > 0).to(m), (after - before) / (one - two))
        elif isinstance(layer, nn.MaxPool2d):
            m = pooled_naively(one, two, layer, m)
        else:
            entered = one.clone().requires_grad_()
            m = torch.autograd.grad(layer(entered), entered, m)[0]
    return m * (x - b)


def pooled_net() -> nn.Sequential:
    """ReLU directly before max-pooling with windows that overlap and hang over the edge."""
    return nn.Sequential(
        *(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1, ceil_mode=True)),
        *(nn.Conv2d(4, 4, 2), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)),
    )


def test_the_rescale_rule() -> None:
    net, x = seeded(pooled_net)().double(), torch.randn(2, 3, 10, 10, dtype=torch.float64)
    b = 0.3 * torch.randn(1, 3, 10, 10, dtype=torch.float64)
    result = pl.deep_lift(baselines=b)(net, x, target=[0, 2])
    np.testing.assert_allclose(result.values, restated(net, x, b.expand_as(x), [0, 2]).numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("network", EXACT)
@pytest.mark.parametrize("baseline", [0.0, 0.3])
def test_nothing_is_lost(network: str, baseline: float) -> None:
    model, x = double(network)
    result = pl.deep_lift(baselines=baseline)(model, x)
    difference = np.subtract(result.facts["score"], result.facts["baseline score"])
    summed = result.values.reshape(2, -1).sum(1)
    scale = np.abs(result.facts["score"]).max()
    np.testing.assert_allclose(summed, difference, rtol=0, atol=1e-13 * scale)
    np.testing.assert_allclose(result.facts["gap"], summed - difference, rtol=0, atol=1e-13 * scale)
    with torch.no_grad():
        first = model(torch.full_like(x, baseline))
    index = result.targets[0].index
    if first.ndim == 2 and index:
        np.testing.assert_allclose(result.facts["baseline score"][0], float(first[0][index]), rtol=1e-12)


def test_text_through_attention_from_a_blank_embedding() -> None:
    network = NETWORKS["causal_lm"]
    result = pl.deep_lift()(network.build().double(), network.x(2))
    assert np.abs(result.facts["gap"]).max() <= 1e-12 and result.values.ndim == 3
    assert "layer_norm, scaled_dot_product_attention" in result.notes[0].en


def test_all_inputs_together() -> None:
    network = NETWORKS["two_inputs"]
    image, row = (one.double() for one in network.x(2))
    results = pl.deep_lift(baselines=("mean", 0.5))(network.build().double(), (image, row), target=2)
    total = sum(one.values.reshape(2, -1).sum(1) for one in results)
    difference = np.subtract(results[0].facts["score"], results[0].facts["baseline score"])
    np.testing.assert_allclose(total, difference, atol=1e-13)


def test_a_linear_model() -> None:
    scorer = nn.Linear(5, 3).double()
    x, b = torch.randn(2, 5).double(), torch.randn(5).double()
    result = pl.deep_lift(baselines=b)(scorer, x, target=1)
    np.testing.assert_allclose(result.values, (scorer.weight[1] * (x - b)).detach().numpy(), rtol=1e-12)


def test_one_nonlinearity_equals_integrated_gradients() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2)).double()
    x = torch.randn(3, 6).double()
    exact = pl.integrated_gradients(n_steps=64)(net, x, target=1).values
    np.testing.assert_allclose(pl.deep_lift()(net, x, target=1).values, exact, rtol=1e-10, atol=1e-14)


def test_where_the_gradient_is_saturated() -> None:
    """1 − relu(1 − x₁ − x₂) at (1, 1): the gradient is zero, the two parts share the rise."""

    class Saturated(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 1 - F.relu(1 - x.sum(1, keepdim=True))

    x = torch.ones(1, 2)
    assert not pl.saliency()(Saturated(), x).values.any()
    assert pl.deep_lift()(Saturated(), x).values.tolist() == [[0.5, 0.5]]


def test_the_same_input_as_baseline_gives_nothing() -> None:
    model, x = double("article_net", 1)
    assert not pl.deep_lift(baselines=x)(model, x).values.any()


def test_twins_of_the_article_agree() -> None:
    from tests.networks.vision import ArticleNet, ArticleTwin

    net, twin = seeded(ArticleNet)().double(), seeded(ArticleTwin)().double()
    twin.load_state_dict(net.state_dict())
    x = NETWORKS["article_net"].x(2).double()
    one, two = (pl.deep_lift(baselines="blur")(model, x, target=[1, 2]) for model in (net, twin))
    np.testing.assert_allclose(one.values, two.values, rtol=1e-9, atol=1e-15)


def test_several_baselines_are_averaged() -> None:
    model, x = double("article_net")
    several = torch.randn(3, 1, 3, 32, 32, dtype=torch.float64)
    views = pl.Lens(model).see(x, pl.deep_lift(baselines=several), target=[1, 2])
    each = [pl.deep_lift(baselines=one)(model, x, target=[1, 2]).values for one in several]
    np.testing.assert_allclose(views[0].values, np.mean(each, 0), rtol=1e-10, atol=1e-16)
    assert np.abs(views[0].facts["gap"]).max() < 1e-14 and views[0].facts["baselines"] == 3
    assert (views.cost.forwards, views.cost.backwards, views.cost.samples) == (4, 3, 2 + 3 * 4)


def test_one_double_pass() -> None:
    lens, x = pl.Lens(NETWORKS["residual"].build()), NETWORKS["residual"].x(3)
    cost = lens.see(x, pl.deep_lift(), pl.saliency()).cost
    assert (cost.forwards, cost.backwards, cost.samples) == (2, 2, 9)


@pytest.mark.parametrize("layer", ["conv1", "pool#0", "conv2", "fc2"])
def test_every_level_has_the_whole_difference(layer: str) -> None:
    model, x = double("article_net")
    result = pl.deep_lift(layer=layer, baselines=0.2)(model, x, target=[3, 4])
    difference = np.subtract(result.facts["score"], result.facts["baseline score"])
    np.testing.assert_allclose(result.values.reshape(2, -1).sum(1), difference, atol=1e-14)
    assert result.layer == layer


def test_what_has_no_rule_is_told() -> None:
    result = pl.deep_lift()(NETWORKS["lstm"].build(), NETWORKS["lstm"].x(2))
    assert "the plain gradient passes at lstm" in result.notes[0].en and "lstm" in result.notes[0].zh
    assert np.abs(result.facts["gap"]).max() > 1e-3


def test_the_gradient_of_a_constant_region_is_zero() -> None:
    """A window that the model multiplies by zero gets exactly nothing."""

    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = NETWORKS["article_net"].build()
            keep = torch.ones(1, 1, 32, 32)
            keep[..., 8:16, 8:16] = 0
            self.register_buffer("keep", keep)

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x * self.keep)

    values = pl.deep_lift(baselines=0.1)(Masked(), NETWORKS["article_net"].x(1)).values
    assert not values[..., 8:16, 8:16].any() and values.any()


def test_half_precision_keeps_its_type_and_its_sum() -> None:
    network = NETWORKS["bfloat16"]
    result = pl.deep_lift()(network.build(), network.x(2), target=1)
    assert np.abs(result.facts["gap"]).max() < 0.01 and result.values.dtype == np.float32


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"baselines": (0.0, 0.0)}, "2 baselines for 1 explained inputs"),
        ({"baselines": torch.zeros(0, 1, 3, 32, 32)}, "not as many"),
        ({"baselines": "grey"}, "no baseline is called 'grey'"),
    ],
)
def test_errors(settings: dict[str, object], says: str) -> None:
    with pytest.raises(pl.BadSetting, match=says):
        pl.deep_lift(**settings)(NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1))


def test_naive_scores_are_those_of_the_facts() -> None:
    model, x = double("article_net")
    result = pl.deep_lift(baselines=0.2)(model, x, target=[3, 4])
    with torch.no_grad():
        start = naive.chosen(model(torch.full_like(x, 0.2)), [3, 4])
    np.testing.assert_allclose(result.facts["baseline score"], start.numpy(), rtol=1e-12)
