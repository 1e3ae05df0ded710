"""Attention gradient: autograd by hand, its identities, and heads that are really switched off."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.registry import find
from pellucid.results import Matrix
from tests.networks import NETWORKS
from tests.networks.attentive import WAYS, Attentive, Way

X = torch.randn(2, 5, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def seen(model: nn.Module, x: Tensor = X, target: object = 1, **settings: object) -> Matrix:
    """The one matrix of a network with one attention."""
    result = find("attention_gradient")(**settings)(model.eval(), x, target)
    assert isinstance(result, Matrix)
    return result


def by_hand(model: Attentive, x: Tensor, target: int = 1, head: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Probabilities, their gradient by autograd, and the score; without one head if asked."""
    shared = 4 // model.groups
    query, key, value = (
        part(x).unflatten(2, (-1, 2)).transpose(1, 2) for part in (model.query, model.key, model.value)
    )
    scores = query @ key.repeat_interleave(shared, 1).transpose(2, 3) / 2**0.5
    if model.causal:
        scores = scores + torch.full((5, 5), float("-inf")).triu(1)
    weights = scores.softmax(-1).detach()
    if head is not None:
        weights[:, head] = 0
    weights.requires_grad_()
    mixed = (weights @ value.repeat_interleave(shared, 1)).transpose(1, 2).flatten(2)
    score = model.head((x + model.out(mixed)).tanh().mean(1))[:, target]
    return weights.detach(), torch.autograd.grad(score.sum(), weights)[0], score.detach()


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("groups", [4, 2])
@pytest.mark.parametrize("way", WAYS)
def test_it_is_the_gradient_of_autograd(way: Way, groups: int, causal: bool) -> None:
    model = Attentive(way, groups=groups, causal=causal).double()
    weights, gradient, _ = by_hand(model, X)
    product = weights * gradient
    shown = {"product": product, "gradient": gradient, "projected": gradient - product.sum(-1, keepdim=True)}
    for of, expected in shown.items():
        result = seen(model, of=of)
        np.testing.assert_allclose(result.values, expected, rtol=1e-12, atol=1e-13 * float(gradient.abs().max()))
        assert result.signed and result.axes == ("batch", "head", "query", "key")
        assert str(result.unit) == ("logit" if of == "product" else "logit per unit of attention")
        np.testing.assert_allclose(result.facts["importance"], product.sum((2, 3)).abs().mean(0), rtol=1e-12)
    assert not causal or not np.triu(seen(model).values, 1).any()


def test_a_row_s_sum_is_what_scaling_that_row_does() -> None:
    model = Attentive("fused").double()
    weights, gradient, _ = by_hand(model, X)
    rows, step = seen(model).values.sum(-1), 1e-6

    def scored(scale: float) -> Tensor:
        value = model.value(X).unflatten(2, (4, 2)).transpose(1, 2)
        changed = weights.clone()
        changed[:, 2, 3] *= scale
        mixed = (changed @ value).transpose(1, 2).flatten(2)
        return model.head((X + model.out(mixed)).tanh().mean(1))[:, 1].detach()

    slope = (scored(1 + step) - scored(1 - step)) / (2 * step)
    np.testing.assert_allclose(rows[:, 2, 3], slope, rtol=1e-7)
    projected = seen(model, of="projected").values
    assert np.abs((weights.numpy() * projected).sum(-1)).max() < 1e-14 * float(gradient.abs().max())


def test_zero_values_have_no_gradient_and_equal_values_the_same() -> None:
    model = Attentive("fused").double()
    with torch.no_grad():
        model.value.weight[2:4] = 0
        model.value.bias[2:4] = 0
    result = seen(model, of="gradient")
    assert not result.values[:, 1].any() and result.values[:, 0].all() and result.facts["importance"][1] == 0
    weights = find("attention_weights")()(model, X)
    assert weights.values[:, 1].all()
    same = X.clone()
    same[:, 3] = same[:, 1]
    gradient = seen(Attentive("fused").double(), same, of="gradient").values
    np.testing.assert_allclose(gradient[..., 3], gradient[..., 1], rtol=1e-13)


def test_it_scales_with_the_target_and_is_zero_where_that_does_not_depend() -> None:
    model = Attentive("matmul").double()
    plain = seen(model).values
    thrice = seen(model, target=lambda output: 3 * output[:, 1]).values
    np.testing.assert_allclose(thrice, 3 * plain, rtol=1e-13)
    nn.init.zeros_(model.out.weight)
    silent = seen(model)
    assert not silent.values.any() and "does not depend" in silent.notes[0].en and "不依赖" in silent.notes[0].zh


@pytest.mark.parametrize("way", ["fused", "einsum"])
def test_the_most_important_heads_are_really_switched_off(way: Way) -> None:
    model = Attentive(way, groups=2).double()
    result = seen(model, ablate=2)
    clean = by_hand(model, X)
    importance = np.array(result.facts["importance"])
    heads = [head for head, _, _ in result.facts["ablated"]]
    assert set(heads) == set(np.argsort(-importance)[:2])
    for head, predicted, change in result.facts["ablated"]:
        assert change == pytest.approx(float((by_hand(model, X, head=head)[2] - clean[2]).mean()), rel=1e-10)
        assert predicted == pytest.approx(float(-(clean[0] * clean[1])[:, head].sum((1, 2)).mean()), rel=1e-10)
        assert any(note.en.startswith(f"Without head {head} ") and "on average" in note.en for note in result.notes)


def test_where_the_rest_is_linear_the_prediction_is_what_is_measured() -> None:
    network = NETWORKS["attention"]
    x = network.x(2)
    result = find("attention_gradient")(ablate=9)(network.build().double(), x.double())
    assert len(result.facts["ablated"]) == 2
    for _, predicted, change in result.facts["ablated"]:
        assert predicted == pytest.approx(change, rel=1e-10)


def test_the_predicted_class_stays_the_same_without_a_head() -> None:
    model = Attentive("fused").double()
    best = model.eval()(X).argmax(1).tolist()
    free, told = (seen(model, target=target, ablate=4).facts["ablated"] for target in (None, best))
    assert np.allclose(free, told, rtol=1e-12)


def test_heads_are_ranked_over_all_layers_and_told_where_they_are() -> None:
    model = nn.Sequential(*(nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True) for _ in range(3)))
    model.append(nn.Flatten()).append(nn.Linear(40, 3)).double().eval()
    result = find("attention_gradient")(ablate=3)(model, X, 0)
    layers = list(result.facts["layers"].values())
    every = sorted(((one, i) for i, facts in enumerate(layers) for one in facts["importance"]), reverse=True)
    counts = [len(facts.get("ablated", ())) for facts in layers]
    assert counts == [sum(at == i for _, at in every[:3]) for i in range(3)] and sum(counts) == 3
    assert [str(name) for name in result.panels[::2]][:3] == [f"example 1 · {i} · head 0" for i in range(3)]
    said = [note.en for note in result.notes]
    assert sum("Most depends on" in note and f" of {every[0][1]}:" in note for note in said) == 1
    assert sum("Without head" in note for note in said) == 3


def test_a_single_row_that_matters_is_named() -> None:
    network = NETWORKS["tiny_vit"]
    model, x = network.build(), network.x(2)
    result = find("attention_gradient")()(model, x)
    assert result.values[:, :, 0].all() and not result.values[:, :, 1:].any()
    assert any("query=0 shows its row" in note.en and "query=0" in note.zh for note in result.notes)
    row = find("attention_gradient")(query=0)(model, x)
    assert np.array_equal(row.values, result.values[:, :, 0])
    assert not any("one query only" in note.en for note in row.notes)
    assert not any("one query only" in note.en for note in seen(Attentive("fused").double()).notes)


def test_all_of_it_is_one_forward_and_one_backward() -> None:
    wanted = [find("attention_weights")(), find("attention_weights")(query="first")]
    wanted += [find("attention_gradient")(of=of) for of in ("product", "gradient", "projected")]
    views = pl.Lens(Attentive("fused").double()).see(X, *wanted)
    assert not views.failures and (views.cost.forwards, views.cost.backwards) == (1, 1)
    more = pl.Lens(Attentive("fused").double()).see(X, *wanted, find("attention_gradient")(ablate=2))
    assert (more.cost.forwards, more.cost.backwards) == (3, 1)
