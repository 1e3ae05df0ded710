"""SmoothGrad and its kin: the formula, what holds exactly, what is shared, what is refused."""

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.ops.draws import generator
from tests.networks import NETWORKS, known
from tests.oracle import naive


class Quadratic(nn.Module):
    """`½ xᵀ Q x` and its double."""

    def __init__(self, size: int) -> None:
        super().__init__()
        half = torch.randn(size, size, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
        self.register_buffer("q", half + half.T)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        score = 0.5 * ((x @ self.q) * x).sum(1)
        return torch.stack([score, 2 * score], 1)


def copies(x: torch.Tensor, noise: float, count: int, seed: int = 0) -> list[torch.Tensor]:
    """The noisy copies, drawn once more by hand."""
    flat = x.flatten(1)
    sigma = noise * (flat.amax(1) - flat.amin(1)).reshape(-1, *[1] * (x.ndim - 1))
    shape = (1, *x.shape[1:])
    return [x + sigma * torch.randn(shape, generator=generator(seed, i)).to(x) for i in range(count)]


@pytest.mark.parametrize("network", ["article_net", "series", "rows", "channels_behind"])
@pytest.mark.parametrize("statistic", ["mean", "variance", "square"])
def test_the_formula(network: str, statistic: str) -> None:
    model, x = NETWORKS[network].build().double(), NETWORKS[network].x(2).double()
    result = pl.smooth_grad(n_samples=5, noise=0.2, statistic=statistic)(model, x, target=[1, 2])
    each = torch.stack([naive.saliency(model, one, [1, 2]) for one in copies(x, 0.2, 5)])
    expected = {"mean": each.mean(0), "variance": each.var(0, correction=0), "square": each.square().mean(0)}[statistic]
    np.testing.assert_allclose(result.values, expected.numpy(), rtol=1e-6, atol=1e-12)
    error = (each.var(0).flatten(1).sum(1) / 5).sqrt() / each.mean(0).flatten(1).norm(dim=1)
    np.testing.assert_allclose(result.facts["standard error"], error.numpy(), rtol=1e-6)
    assert result.facts["samples"] == 5


def test_of_a_linear_scorer_it_is_the_weight_and_nothing_varies() -> None:
    scorer, x = known.linear_scorer(5, 3), torch.randn(2, 5, dtype=torch.float64)
    mean = pl.smooth_grad(n_samples=3)(scorer, x, target=[0, 2])
    np.testing.assert_allclose(mean.values, scorer.weight[[0, 2]].detach().numpy(), rtol=1e-12)
    assert not pl.smooth_grad(n_samples=3, statistic="variance")(scorer, x, target=[0, 2]).values.any()
    square = pl.smooth_grad(n_samples=3, statistic="square")(scorer, x, target=[0, 2])
    np.testing.assert_allclose(square.values, mean.values**2, rtol=1e-12)


def test_of_a_quadratic_form() -> None:
    """The expectation is Qx, the variance of element i is σ² Σ_j Q_ij²; with either sign of each draw, Qx exactly."""
    model, x = Quadratic(6), torch.randn(2, 6, dtype=torch.float64)
    exact = (x @ model.q).numpy()
    both = pl.smooth_grad(n_samples=8, antithetic=True, noise=0.5)(model, x, target=0)
    np.testing.assert_allclose(both.values, exact, rtol=1e-10)
    many = pl.smooth_grad(n_samples=4000, noise=0.5, statistic="variance", batch_size=4000)(model, x, target=0)
    sigma = (0.5 * (x.amax(1) - x.amin(1))).numpy()[:, None]
    np.testing.assert_allclose(many.values, sigma**2 * model.q.square().sum(1).numpy(), rtol=0.12)


def test_without_noise_it_is_the_method_itself() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(2)
    for of in (pl.saliency(), pl.grad_cam(layer="conv2"), pl.integrated_gradients(n_steps=3)):
        plain, smooth = of(model, x), pl.smooth_grad(of=of, noise=0, n_samples=2)(model, x)
        np.testing.assert_allclose(smooth.values, plain.values, rtol=1e-4, atol=1e-8)
        assert (smooth.axes, smooth.layer, smooth.unit, smooth.reduction) == (
            plain.axes,
            plain.layer,
            plain.unit,
            plain.reduction,
        )
        assert smooth.signed == plain.signed and smooth.heat.shape == plain.heat.shape
        assert smooth.targets == plain.targets and np.array_equal(smooth.base.values, plain.base.values)


def test_pools_add_up() -> None:
    """The mean of 7 copies is made of the means of the first 3 and of the other 4; the pieces do not matter."""
    model, x = NETWORKS["smooth"].build().double(), NETWORKS["smooth"].x(2).double()
    values = [pl.smooth_grad(n_samples=n)(model, x, target=1).values for n in (3, 7)]
    last = torch.stack([naive.saliency(model, one, [1, 1]) for one in copies(x, 0.15, 7)[3:]]).mean(0).numpy()
    np.testing.assert_allclose(values[1], (3 * values[0] + 4 * last) / 7, rtol=1e-9, atol=1e-14)
    pieces = pl.smooth_grad(n_samples=7, batch_size=4)(model, x, target=1).values
    np.testing.assert_allclose(pieces, values[1], rtol=1e-9, atol=1e-14)


def test_smoothed_methods_share_their_noisy_forwards() -> None:
    network = NETWORKS["article_net"]
    lens, x = pl.Lens(network.build()), network.x(2)
    smooth = [
        pl.smooth_grad(of=of, n_samples=16) for of in ("saliency", "input_x_gradient", pl.grad_cam(layer="conv2"))
    ]
    views = lens.see(x, *smooth, pl.smooth_grad(n_samples=16, statistic="variance"), pl.saliency(), target=1)
    assert (views.cost.forwards, views.cost.samples) == (1 + 2, 2 + 32)
    assert views.cost.backwards == 1 + 2
    for view in smooth:
        alone = lens.see(x, view, target=1)
        assert np.array_equal(views[smooth.index(view)].values, alone[0].values)
    guided = lens.see(x, smooth[0], pl.smooth_grad(of="guided_backprop", n_samples=16), target=1)
    assert (guided.cost.forwards, guided.cost.backwards) == (3, 4)


def test_an_example_has_the_same_noise_in_any_batch_and_another_seed_has_other_noise() -> None:
    network = NETWORKS["smooth"]
    view = pl.smooth_grad(n_samples=4)
    both, one = (
        view(network.build(), network.x(2), target=1).values,
        view(network.build(), network.x(1), target=1).values,
    )
    np.testing.assert_allclose(both[:1], one, rtol=1e-4, atol=1e-8)
    other = pl.smooth_grad(n_samples=4, seed=1)(network.build(), network.x(1), target=1).values
    assert np.abs(other - one).max() > 0.01 * np.abs(one).max()
    blocks = pl.Lens(network.build()).see(network.x(3), view, target=[1, 2, 3], batch_size=2)[0]
    whole = view(network.build(), network.x(3), target=[1, 2, 3])
    np.testing.assert_allclose(blocks.values, whole.values, rtol=1e-4, atol=1e-8)
    assert len(blocks.facts["standard error"]) == 3


def test_the_class_is_that_of_the_clean_input() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(2)
    result = pl.smooth_grad(n_samples=3, noise=3.0)(model, x)
    assert [one.index[0] for one in result.targets] == model(x).argmax(1).tolist() and len(result.targets) == 2


def test_noise_goes_into_the_embedding_of_tokens_and_into_each_input() -> None:
    network = NETWORKS["tied_lm"]
    tokens = pl.smooth_grad(n_samples=3)(network.build(), network.x(2), target=3)
    assert tokens.values.shape == (2, 5, 6) and tokens.base.kind == "tokens"
    network = NETWORKS["two_inputs"]
    image, row = pl.smooth_grad(n_samples=3, noise=(0.0, 0.5))(network.build(), network.x(2), target=1)
    assert image.values.shape == (2, 3, 10, 10) and row.values.shape == (2, 4)
    alone = pl.smooth_grad(n_samples=3, noise=(0.0, 0.0))(network.build(), network.x(2), target=1)
    assert np.array_equal(alone[1].values, pl.saliency()(network.build(), network.x(2), target=1)[1].values)


def test_units_signs_and_layers() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(2)
    variance = pl.smooth_grad(n_samples=2, statistic="variance")(model, x, target=1)
    assert variance.unit.en == "(logit per input unit)²" and variance.unit.zh == "(logit / 输入单位)²"
    assert not variance.signed and (variance.values >= 0).all()
    bars = pl.smooth_grad(of=pl.input_x_gradient(layer="fc1"), n_samples=2, batch_size=2)(model, x, target=1)
    assert bars.layer == "fc1" and bars.base.kind == "features" and bars.base.values is None
    assert bars.heat.shape == bars.values.shape
    both = pl.smooth_grad(of=pl.saliency(layer="pool"), n_samples=2)(model, x, target=1)
    assert [one.layer for one in both] == ["pool#0", "pool#1"]
    assert pl.smooth_grad(of=pl.grad_cam(layer="conv2"))(model, x).code.startswith(
        "pl.smooth_grad(of=pl.grad_cam(layer='conv2'))("
    )


def test_a_single_copy_has_no_standard_error() -> None:
    model, x = NETWORKS["rows"].build(), NETWORKS["rows"].x(2)
    assert np.isnan(pl.smooth_grad(n_samples=1)(model, x, target=1).facts["standard error"]).all()


def test_errors() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1)
    with pytest.raises(pl.NotApplicable, match="no attribution of each example"):
        pl.smooth_grad(of="flow_graph", n_samples=2)(model, x)
    with pytest.raises(pl.UnknownMethod, match="no visualization is called 'salience'"):
        pl.smooth_grad(of="salience")(model, x)
    with pytest.raises(pl.LayerNotFound, match="no layer 'conv9'"):
        pl.smooth_grad(of=pl.grad_cam(layer="conv9"))(model, x)
    with pytest.raises(pl.BadSetting, match="for each of 1 explained inputs"):
        pl.smooth_grad(noise=(0.1, 0.2))(model, x)
    with pytest.raises(pl.NotApplicable, match="gradient"):
        pl.smooth_grad(n_samples=2)(NETWORKS["no_gradient"].build(), NETWORKS["no_gradient"].x(1))
    for settings in ({"n_samples": 0}, {"noise": -0.1}, {"statistic": "median"}, {"batch_size": 0}):
        with pytest.raises(pl.BadSetting):
            pl.smooth_grad(**settings)


def test_it_says_what_it_cannot_tell() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1)
    result = pl.smooth_grad(n_samples=2)(model, x)
    assert "never have seen such noise" in result.describe("en") and "噪声" in result.describe("zh")


def test_it_says_what_it_averages() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1)
    note = pl.smooth_grad(of=pl.grad_cam(layer="conv2"), n_samples=2, noise=0.1, statistic="square")(model, x).notes[0]
    assert note.en.startswith("Mean square of grad_cam(layer='conv2') over 2 noisy copies, noise 0.1 of the range")
    assert "平方的平均" in note.zh and "saliency" in pl.smooth_grad(n_samples=1)(model, x).notes[0].en
