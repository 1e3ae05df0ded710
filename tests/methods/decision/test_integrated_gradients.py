"""Integrated gradients: completeness, baselines of every kind, points and passes."""

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from tests.networks import NETWORKS
from tests.oracle import naive


@pytest.mark.parametrize("network", ["article_net", "series", "volume", "rows", "tiny_vit"])
def test_the_formula(network: str) -> None:
    model, x = NETWORKS[network].build(), NETWORKS[network].x(2)
    result = pl.integrated_gradients(n_steps=5, baselines=0.25)(model, x, target=[1, 2])
    expected = naive.integrated_gradients(model, x, [1, 2], 5, 0.25)
    np.testing.assert_allclose(result.values, expected.numpy(), rtol=1e-4, atol=1e-7)


def test_facts_hold_gap_and_scores_of_each_example() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(3)
    result = pl.integrated_gradients(n_steps=8)(model, x, target=[1, 2, 3])
    with torch.no_grad():
        score = naive.chosen(model(x), [1, 2, 3]).numpy()
        start = naive.chosen(model(torch.zeros_like(x)), [1, 2, 3]).numpy()
    np.testing.assert_allclose(result.facts["score"], score, rtol=1e-5)
    np.testing.assert_allclose(result.facts["baseline score"], start, rtol=1e-5)
    gap = result.values.astype(np.float64).sum((1, 2, 3)) - (score - start)
    np.testing.assert_allclose(result.facts["gap"], gap, atol=1e-6)
    assert result.facts["points"] == 8 and str(result.unit) == "logit"


def steep() -> nn.Module:
    """Almost all of the way's difference lies in its first hundredth."""
    model = nn.Sequential(nn.Linear(1, 2, dtype=torch.float64), nn.Tanh())
    with torch.no_grad():
        model[0].weight.fill_(400.0)
        model[0].bias.fill_(-2.0)
    return model.eval()


def test_a_tolerance_puts_the_points_where_the_score_moves() -> None:
    x = torch.ones(1, 1, dtype=torch.float64)
    assert abs(pl.integrated_gradients(n_steps=16)(steep(), x, target=0).facts["gap"][0]) > 1
    views = pl.Lens(steep()).see(x, pl.integrated_gradients(n_steps=16, tolerance=1e-3), target=0)
    facts = views[0].facts
    assert abs(facts["gap"][0]) <= 1e-3 * (facts["score"][0] - facts["baseline score"][0])
    assert 16 <= facts["points"] <= 64 and not views[0].notes
    assert views.cost.samples < 2 * facts["points"], "the scores between the panels need no gradients"


def test_a_tolerance_holds_for_every_example_and_gives_the_same_picture() -> None:
    model, x = NETWORKS["smooth"].build().double(), NETWORKS["smooth"].x(3).double()
    fine = pl.integrated_gradients(n_steps=8, tolerance=1e-4)(model, x, target=[1, 2, 3])
    difference = np.subtract(fine.facts["score"], fine.facts["baseline score"])
    assert (np.abs(fine.facts["gap"]) <= 1.01e-4 * np.abs(difference)).all()
    exact = naive.integrated_gradients(model, x, [1, 2, 3], 200).numpy()
    np.testing.assert_allclose(fine.values, exact, atol=2e-3 * np.abs(exact).max())


def test_a_tolerance_that_is_met_at_once_costs_nothing_more() -> None:
    scorer, x = nn.Linear(3, 2).double().eval(), torch.randn(2, 3, dtype=torch.float64)
    views = pl.Lens(scorer).see(x, pl.integrated_gradients(n_steps=1, tolerance=0.01), target=1)
    assert (views.cost.forwards, views.cost.backwards, views[0].facts["points"]) == (3, 1, 1)
    np.testing.assert_allclose(views[0].values, (x * scorer.weight[1]).detach().numpy(), rtol=1e-12)


def test_points_end_somewhere() -> None:
    class Step(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([x + (x > 0.3).to(x) * 5, -x], 1)

    result = pl.integrated_gradients(n_steps=8, tolerance=0.01)(Step(), torch.ones(1, 1), target=0)
    assert result.facts["points"] >= 1024 and "miss the difference" in result.notes[0].en


def test_a_sum_that_misses_is_said() -> None:
    steep = nn.Sequential(nn.Linear(1, 2, dtype=torch.float64), nn.Tanh())
    with torch.no_grad():
        steep[0].weight.fill_(60.0)
        steep[0].bias.fill_(-20.0)
    x = torch.ones(1, 1, dtype=torch.float64)
    result = pl.integrated_gradients(n_steps=2)(steep.eval(), x, target=0)
    assert abs(result.facts["gap"][0]) > 0.05 * 2
    assert "With 2 points the values miss" in result.notes[0].en and "2 个节点" in result.notes[0].zh
    assert not pl.integrated_gradients(n_steps=256)(steep, x, target=0).notes


def test_points_share_passes_without_changing_the_values() -> None:
    network = NETWORKS["smooth"]
    lens, x = pl.Lens(network.build()), network.x(2)
    alone = lens.see(x, pl.integrated_gradients(n_steps=8, batch_size=1), target=[1, 2])
    shared = lens.see(x, pl.integrated_gradients(n_steps=8, batch_size=8), target=[1, 2])
    assert (alone.cost.forwards, alone.cost.backwards) == (10, 8)
    assert (shared.cost.forwards, shared.cost.backwards) == (4, 2)
    scale = np.abs(alone[0].values).max()
    np.testing.assert_allclose(shared[0].values, alone[0].values, rtol=0, atol=1e-6 * scale)
    odd = lens.see(x, pl.integrated_gradients(n_steps=8, batch_size=6), target=[1, 2])
    np.testing.assert_allclose(odd[0].values, alone[0].values, rtol=0, atol=1e-6 * scale)
    assert odd.cost.forwards == 2 + 3
    free = lens.see(x, pl.integrated_gradients(n_steps=32), target=[1, 2]).cost
    assert (free.forwards, free.backwards, free.samples) == (2 + 4, 4, 2 * 34), "16 rows of small inputs share a pass"


def test_a_batch_is_its_members() -> None:
    network = NETWORKS["article_net"]
    both = pl.integrated_gradients(n_steps=4)(network.build(), network.x(2), target=[1, 2]).values
    one = pl.integrated_gradients(n_steps=4)(network.build(), network.x(1), target=1).values
    np.testing.assert_allclose(both[:1], one, rtol=1e-4, atol=1e-8)


def test_the_predicted_class_is_that_of_the_input_not_of_the_path() -> None:
    network = NETWORKS["article_net"]
    model, x = network.build(), network.x(2)
    predicted = model(x).argmax(1).tolist()
    result = pl.integrated_gradients(n_steps=3)(model, x)
    assert [one.index for one in result.targets] == [(index,) for index in predicted]
    expected = naive.integrated_gradients(model, x, predicted, 3)
    np.testing.assert_allclose(result.values, expected.numpy(), rtol=1e-4, atol=1e-7)


def test_a_tensor_as_baseline() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(2)
    baseline = torch.tensor([0.1, -0.2, 0.3]).reshape(3, 1, 1)
    result = pl.integrated_gradients(n_steps=4, baselines=baseline)(model, x, target=[1, 1])
    expected = naive.integrated_gradients(model, x, [1, 1], 4, baseline)
    np.testing.assert_allclose(result.values, expected.numpy(), rtol=1e-4, atol=1e-7)


def test_the_mean_is_that_of_each_channel_of_each_example() -> None:
    model, x = NETWORKS["article_net"].build(), NETWORKS["article_net"].x(2)
    result = pl.integrated_gradients(n_steps=4, baselines="mean")(model, x, target=[1, 1])
    expected = naive.integrated_gradients(model, x, [1, 1], 4, x.mean((2, 3), keepdim=True))
    np.testing.assert_allclose(result.values, expected.numpy(), rtol=1e-4, atol=1e-7)


def test_the_mean_of_tokens_is_the_mean_token() -> None:
    model, x = NETWORKS["tied_lm"].build(), NETWORKS["tied_lm"].x(2)
    result = pl.integrated_gradients(baselines="mean", n_steps=64)(model, x, target=(4, 3))
    embedded = naive.activation(model, model.embed, x)[0]
    same = embedded.mean(1, keepdim=True).expand_as(embedded)
    handle = model.embed.register_forward_hook(lambda *_: same)
    with torch.no_grad():
        start = model(x)[:, 4, 3]
    handle.remove()
    np.testing.assert_allclose(result.facts["baseline score"], start.numpy(), rtol=1e-5)


def test_blur_keeps_a_flat_picture() -> None:
    model = NETWORKS["article_net"].build()
    flat = torch.full((1, 3, 32, 32), 0.7)
    result = pl.integrated_gradients(baselines="blur", n_steps=2)(model, flat, target=1)
    assert np.abs(result.values).max() < 1e-6
    busy = pl.integrated_gradients(baselines="blur", n_steps=2)(model, NETWORKS["article_net"].x(1), target=1)
    assert busy.facts["score"] != busy.facts["baseline score"]


def test_a_baseline_for_each_input() -> None:
    network = NETWORKS["two_inputs"]
    model, (image, row) = network.build(), network.x(2)
    blank = torch.full((4,), 0.5)
    results = pl.integrated_gradients(baselines=("mean", blank), n_steps=300)(model, (image, row), target=2)
    with torch.no_grad():
        start = model(image.mean((2, 3), keepdim=True).expand_as(image), blank.expand_as(row))[:, 2]
        difference = (model(image, row)[:, 2] - start).numpy()
    np.testing.assert_allclose(results[0].facts["baseline score"], start.numpy(), rtol=1e-5)
    together = sum(one.values.reshape(2, -1).sum(1) for one in results)
    np.testing.assert_allclose(together, difference, rtol=1e-2, atol=1e-3)
    assert results[0].facts["gap"] == results[1].facts["gap"]


def test_it_says_what_is_there() -> None:
    scorer = nn.Linear(3, 2)
    with torch.no_grad():
        scorer.weight[0] = torch.tensor([3.0, -1.0, 0.0])
    result = pl.integrated_gradients()(scorer.eval(), torch.ones(1, 3), target=0)
    assert "#0 (+3)" in result.describe("en") and "25%" in result.describe("en") and "25%" in result.describe("zh")


@pytest.mark.parametrize(
    ("baselines", "network", "says"),
    [
        ("grey", "article_net", "no baseline is called 'grey'"),
        (torch.zeros(5), "article_net", "does not fit"),
        ("blur", "rows", "no grid to blur"),
        ("mean", "rows", "no grid to average"),
        ((0.0, 0.0), "article_net", "2 baselines for 1 explained inputs"),
    ],
)
def test_errors(baselines: object, network: str, says: str) -> None:
    with pytest.raises(pl.BadSetting, match=says):
        pl.integrated_gradients(baselines=baselines)(NETWORKS[network].build(), NETWORKS[network].x(1))


def test_settings_are_checked() -> None:
    for settings in ({"n_steps": 0}, {"tolerance": 0.0}, {"batch_size": 0}, {"baselines": None}):
        with pytest.raises(pl.BadSetting):
            pl.integrated_gradients(**settings)


def test_no_pass_grows_large_by_itself() -> None:
    class Mean(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flatten(1)[:, :5]

    cost = pl.Lens(Mean()).see(torch.ones(1, 1 << 21), pl.integrated_gradients(n_steps=4), target=1).cost
    assert (cost.forwards, cost.samples) == (2 + 2, 6)


# ---------------------------------------------------------------------------------------------- at a layer


@pytest.mark.parametrize("layer", ["conv1", "pool#1", "fc1", "conv2:in", "/relu.1"])
def test_a_layer_is_complete_in_its_own_space(layer: str) -> None:
    model, x = NETWORKS["article_net"].build().double(), NETWORKS["article_net"].x(2).double()
    result = pl.integrated_gradients(n_steps=400, layer=layer)(model, x, target=[1, 2])
    difference = np.subtract(result.facts["score"], result.facts["baseline score"])
    np.testing.assert_allclose(result.values.reshape(2, -1).sum(1), difference, rtol=2e-2, atol=1e-4)
    np.testing.assert_allclose(result.values.reshape(2, -1).sum(1) - difference, result.facts["gap"], atol=1e-9)
    with torch.no_grad():
        start = naive.chosen(model(torch.zeros_like(x)), [1, 2]).numpy()
    np.testing.assert_allclose(result.facts["baseline score"], start, rtol=1e-9)
    assert result.layer == layer


def test_the_formula_at_a_layer() -> None:
    model, x = NETWORKS["residual"].build().double(), NETWORKS["residual"].x(2).double()
    result = pl.integrated_gradients(n_steps=6, baselines=0.5, layer="first conv")(model, x, target=[1, 2])
    name = result.layer
    place = model.get_submodule(name)
    (end,) = naive.activation(model, place, x)
    (start,) = naive.activation(model, place, torch.full_like(x, 0.5))
    nodes, weights = np.polynomial.legendre.leggauss(6)
    total = torch.zeros_like(end)
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        point = (start + float(node) * (end - start)).requires_grad_()
        handle = place.register_forward_hook(lambda *_, point=point: point.clone())
        score = naive.chosen(model(x), [1, 2]).sum()
        handle.remove()
        total += float(weight) * torch.autograd.grad(score, point)[0]
    np.testing.assert_allclose(result.values, ((end - start) * total).numpy(), rtol=1e-9, atol=1e-12)


def test_what_passes_a_layer_by_stays_as_it_is() -> None:
    class Split(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.part = nn.Identity()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([self.part(x) * x, x], 1)

    x = torch.tensor([[3.0, 5.0]])
    result = pl.integrated_gradients(layer="part", baselines=1.0)(Split(), x, target=0)
    np.testing.assert_allclose(result.values, [[6.0, 0.0]], rtol=1e-6)
    assert result.facts["baseline score"] == (3.0,)
    assert result.base.values.tolist() == [[3.0, 5.0]], "bars are named with what flows there"


def test_every_place_that_a_layer_denotes_makes_one_result() -> None:
    network = NETWORKS["article_net"]
    views = pl.Lens(network.build()).see(network.x(2), pl.integrated_gradients(n_steps=4, layer=("input", "pool")))
    assert [(one.layer, one.values.shape[1:]) for one in views[0]] == [
        ("", (3, 32, 32)),
        ("pool#0", (6, 14, 14)),
        ("pool#1", (16, 5, 5)),
    ]
    alone = pl.integrated_gradients(n_steps=4)(network.build(), network.x(2))
    np.testing.assert_array_equal(views[0][0].values, alone.values)
    assert views.cost.backwards == 3


def test_a_child_of_the_name_of_the_input_is_not_the_input() -> None:
    network = NETWORKS["child_named_output"]
    for view in (pl.integrated_gradients(n_steps=2), pl.saliency(), pl.input_x_gradient(), pl.guided_backprop()):
        assert view(network.build(), network.x(1)).values.shape == (1, 3, 14, 14)


def test_tokens_and_layers_of_tokens() -> None:
    network = NETWORKS["causal_lm"]
    model, x = network.build(), network.x(2)
    result = pl.integrated_gradients(n_steps=200, layer="embed", baselines=0.0)(model, x, target=3)
    whole = pl.integrated_gradients(n_steps=200)(model, x, target=3)
    np.testing.assert_allclose(result.values, whole.values, atol=1e-6)
    assert result.base.kind == "tokens" and result.heat.shape == whole.heat.shape
