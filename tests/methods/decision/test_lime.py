"""LIME: linear scorers are found exactly, the fit is told, covers and weights are the paper's."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.methods.decision.lime import closeness, drawn_covers
from tests.networks import NETWORKS, known


def restated(model: nn.Module, x: Tensor, target: int, labels: Tensor, shown: Tensor, width: float) -> np.ndarray:
    """Ribeiro's image recipe by numpy: cosine distance, exponential kernel, weighted least squares."""
    rows, weights, scores = [], [], []
    for cover in shown:
        covered = torch.where(cover[labels], x, torch.zeros_like(x))
        with torch.no_grad():
            scores.append(float(model(covered)[0, target]))
        z = cover.double().numpy()
        cosine = z.sum() / (np.sqrt(z.sum()) * np.sqrt(len(z))) if z.any() else 0.0
        weights.append(np.sqrt(np.exp(-((1 - cosine) ** 2) / width**2)))
        rows.append([*z, 1.0])
    root = np.sqrt(weights)
    return np.linalg.lstsq(np.array(rows) * root[:, None], np.array(scores) * root, rcond=None)[0]


@pytest.mark.parametrize("network", ["article_net", "series", "rows"])
def test_the_recipe(network: str) -> None:
    model, x = NETWORKS[network].build().double(), NETWORKS[network].x(2).double()
    grid = x.shape[2:] or x.shape[1:]
    labels = torch.arange(int(np.prod(grid))).reshape(grid) * 6 // int(np.prod(grid))
    result = pl.lime(groups=labels, n_samples=50, seed=2)(model, x, target=[1, 2])
    for example, target in enumerate((1, 2)):
        expected = restated(model, x[example : example + 1], target, labels, drawn_covers(50, 6, 2), 0.25)
        np.testing.assert_allclose(result.facts["values"][example], expected[:6], rtol=1e-8, atol=1e-10)
        assert result.facts["intercept"][example] == pytest.approx(expected[6], rel=1e-8)


def test_linear_scorer_is_found_exactly() -> None:
    model = known.linear_scorer(8)
    x = torch.randn(2, 8, generator=known.generator(3), dtype=torch.float64)
    result = pl.lime(baselines=0.25, n_samples=40)(model, x, target=[0, 2])
    expected = (model.weight[[0, 2]] * (x - 0.25)).detach().numpy()
    np.testing.assert_allclose(result.values, expected, rtol=1e-9, atol=1e-11)
    assert result.facts["R2"] == pytest.approx((1.0, 1.0), abs=1e-12)
    assert np.max(result.facts["standard error"]) < 1e-10


def test_groups_of_a_linear_scorer_sum() -> None:
    model = known.linear_scorer(6)
    x = torch.randn(1, 6, generator=known.generator(3), dtype=torch.float64)
    result = pl.lime(groups=torch.tensor([0, 0, 1, 1, 1, -1]), n_samples=10)(model, x, target=1)
    share = (model.weight[1] * x[0]).detach().numpy()
    np.testing.assert_allclose(result.facts["values"][0], [share[:2].sum(), share[2:5].sum()], rtol=1e-9)
    assert result.values[0, 5] == 0


def test_a_ridge_shrinks() -> None:
    model, x = NETWORKS["rows"].build(), NETWORKS["rows"].x(1)
    plain, shrunk = (np.abs(pl.lime(ridge=ridge)(model, x, target=1).values).sum() for ridge in (0.0, 300.0))
    assert shrunk < 0.7 * plain


@pytest.mark.parametrize(("kernel", "width"), [("cosine", 0.25), ("euclid", 0.75)])
def test_weights(kernel: str, width: float) -> None:
    shown = torch.tensor([[1, 1, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0]], dtype=torch.bool)
    distance = {"cosine": (0.0, 0.5, 1.0), "euclid": (0.0, 0.75**0.5, 1.0)}[kernel]
    expected = [np.exp(-(one**2) / (2 * width**2)) for one in distance]
    np.testing.assert_allclose(closeness(shown, kernel, width).numpy(), expected, rtol=1e-12)


def test_covers_are_even_and_begin_with_the_whole() -> None:
    shown = drawn_covers(2000, 7, 0)
    assert shown[0].all() and abs(float(shown[1:].float().mean()) - 0.5) < 0.02
    assert torch.equal(shown[:50], drawn_covers(50, 7, 0)) and not torch.equal(shown, drawn_covers(2000, 7, 1))


def test_a_bad_fit_is_said() -> None:
    """The parity of six numbers is nothing that can be added up."""

    class Parity(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, x: Tensor) -> Tensor:
            return self.scale * (2 * x - 1).prod(1, keepdim=True)

    result = pl.lime(n_samples=400)(Parity().eval(), torch.ones(1, 6))
    assert result.facts["R2"][0] < 0.2
    assert "That is little" in result.notes[1].en and "这很低" in result.notes[1].zh
    good = pl.lime()(known.linear_scorer(4), torch.ones(1, 4, dtype=torch.float64))
    assert len(good.notes) == 2 and "100%" in good.notes[0].en and "100%" in good.notes[0].zh


def test_too_few_covers_are_said() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(1)
    result = pl.lime(groups="grid:5", n_samples=10)(model, x, target=1)
    said = " ".join(note.en for note in result.notes)
    assert "10 covers do not fix every slope" in said and "nan" not in said
    assert np.isfinite(result.values).all()


def test_passes_and_company() -> None:
    lens, x = pl.Lens(NETWORKS["float64"].build()), NETWORKS["float64"].x(2)
    views = lens.see(x, pl.lime(groups="grid:3", n_samples=300), target=[1, 2])
    assert (views.cost.samples, views.cost.forwards, views.cost.backwards) == (2 + 2 * 299, 1 + 2 * 3, 0)
    alone = lens.see(x[1:], pl.lime(groups="grid:3", n_samples=300, batch_size=20), target=2)
    assert alone.cost.forwards == 1 + 15
    np.testing.assert_allclose(alone[0].values[0], views[0].values[1], rtol=1e-9, atol=1e-12)


def test_settings_are_checked() -> None:
    for settings in ({"n_samples": 1}, {"kernel": "box"}, {"kernel_width": 0.0}, {"ridge": -1.0}):
        with pytest.raises(pl.BadSetting):
            pl.lime(**settings)
