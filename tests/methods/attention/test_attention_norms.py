"""Attention norms: every vector by hand, what they sum to, and where they disagree with attention."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.registry import find
from pellucid.results import Attribution, Gallery, Matrix
from tests.networks import NETWORKS, minilm
from tests.networks.attentive import WAYS, Attentive, Way

X = torch.randn(2, 5, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def seen(model: nn.Module, x: object = X, **settings: object) -> Matrix:
    """The one matrix of a network with one attention."""
    result = find("attention_norms")(**settings)(model.eval(), x)
    assert isinstance(result, Matrix)
    return result


def vectors(model: Attentive, x: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """`(batch, head, query, key, out)`, what each key adds to each query, and `(batch, query, out)`, their sum."""
    query = model.query(x).unflatten(2, (4, 2)).detach()
    key, value = (one(x).unflatten(2, (model.groups, 2)).detach() for one in (model.key, model.value))
    weight = model.out.weight.detach().T.unflatten(0, (4, 2))
    found = np.zeros((len(x), 4, x.shape[1], x.shape[1], 8))
    for b, h, i in np.ndindex(*found.shape[:3]):
        shared = h // (4 // model.groups)
        keys = range(i + 1 if model.causal else x.shape[1])
        scores = torch.stack([query[b, i, h] @ key[b, j, shared] / 2**0.5 for j in keys])
        for j, share in zip(keys, scores.exp() / scores.exp().sum(), strict=True):
            found[b, h, i, j] = (share * (value[b, j, shared] @ weight[h])).numpy()
    return found, found.sum((1, 3)) + model.out.bias.detach().numpy()


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("groups", [4, 2, 1])
@pytest.mark.parametrize("way", WAYS)
def test_it_is_the_length_of_what_each_key_adds(way: Way, groups: int, causal: bool) -> None:
    model = Attentive(way, groups=groups, causal=causal).double()
    each, total = vectors(model, X)
    summed, single = seen(model), seen(model, heads="all")
    np.testing.assert_allclose(single.values, np.linalg.norm(each, axis=-1), rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(summed.values[:, 0], np.linalg.norm(each.sum(1), axis=-1), rtol=1e-7, atol=1e-10)
    assert summed.axes == ("batch", "head", "query", "key") and not summed.signed and str(summed.unit) == "norm"
    assert summed.facts["gap"] < 1e-14 and summed.facts["projection"] == "out/linear.0"
    assert (summed.facts["groups"], summed.facts["causal"]) == (groups, causal)
    # What all keys add, and the bias, is what the model has; no sum is longer than its parts.
    kept: list[Tensor] = []
    model.out.register_forward_hook(lambda *seen: kept.append(seen[2].detach()))
    model(X)
    np.testing.assert_allclose(total, kept[0].numpy(), rtol=0, atol=1e-13)
    without = np.linalg.norm(total - model.out.bias.detach().numpy(), axis=-1)
    assert (summed.values >= 0).all() and (summed.values[:, 0].sum(-1) >= without - 1e-12).all()
    assert (single.values.sum(1) >= summed.values[:, 0] - 1e-9).all()
    assert not np.triu(summed.values, 1).any() or not causal


def test_heads_and_queries() -> None:
    model = Attentive("fused").double()
    whole, summed = seen(model, heads="all").values, seen(model).values
    assert np.array_equal(seen(model, heads=(3, 1)).values, whole[:, [3, 1]])
    assert [str(name) for name in seen(model, X[:1]).panels] == ["sum of heads"]
    row = seen(model, query=-1)
    assert row.axes == ("batch", "head", "key") and [str(name) for name in row.rows] == ["sum of heads"]
    np.testing.assert_allclose(row.values, summed[:, :, -1], rtol=1e-12)
    np.testing.assert_allclose(seen(model, query="first", heads="all").values, whole[:, :, 0], rtol=1e-12)
    for wrong in ({"heads": 4}, {"heads": ()}, {"query": 5}):
        with pytest.raises(pl.BadSetting, match=r"has (heads|queries) 0 to"):
            seen(model, **wrong)


class Empty(Attentive):
    """Every query looks at the second key alone, and its values are zero."""

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        away = torch.full((5, 5), -1e4, dtype=query.dtype)
        away[:, 1] = 0
        value = value * (torch.arange(5) != 1)[:, None]
        return (query @ key.transpose(2, 3) + away).softmax(-1) @ value


def test_attention_to_what_has_no_values_is_one_and_its_norm_zero() -> None:
    model = Empty("matmul").double().eval()
    weights = pl.attention_weights()(model, X).values
    assert (weights[..., 1] == 1).all()
    for heads in ("sum", "all"):
        result = seen(model, heads=heads)
        assert not result.values.any() and result.facts["gap"] == 0
    assert not pl.attention_gradient()(model, X, target=0).values[..., 1].any()
    part = Attentive("matmul").double()
    with torch.no_grad():
        part.value.weight[2:4], part.value.bias[2:4] = 0, 0
    assert not seen(part, heads=1).values.any() and (seen(part, heads=0).values > 0).all()


def test_it_says_where_attention_and_norm_part() -> None:
    class Sink(Attentive):
        """Most attention goes to the first key, whose values are a hundredth."""

        def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            scores = query @ key.transpose(2, 3) / 20
            scores[..., 0] = scores[..., 0] + 2
            value = value * torch.tensor([0.01, 1, 1, 1, 1], dtype=value.dtype)[:, None]
            return scores.softmax(-1) @ value

    result = seen(Sink("matmul").double(), X[:1])
    (attended,), (contributing,) = result.facts["most attended"], result.facts["most contributing"]
    assert attended == "0" != contributing and result.facts["attended share"][0] > 0.5
    assert result.facts["contributing share"][0] > 0.2 and result.facts["rank correlation"][0] < 0.9
    note = result.notes[0]
    assert not note.aside and "'0' takes most attention" in note.en and f"“{contributing}”" in note.zh


def test_of_several_examples_it_says_in_how_many_they_part() -> None:
    result = seen(Attentive("fused", groups=1).double(), X * 2)
    pairs = list(zip(result.facts["most attended"], result.facts["most contributing"], strict=True))
    apart = sum(one != other for one, other in pairs)
    assert len(pairs) == 2 and apart and result.notes[0].en.startswith(f"In {apart} of 2 examples seen together")
    assert f"2 个样本中，有 {apart} 个" in result.notes[0].zh


class Constant(Attentive):
    """The first key takes most, and has the largest value."""

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        scores = query @ key.transpose(2, 3) / 20
        scores[..., 0] = scores[..., 0] + 2
        value = torch.tensor([9, 1, 1, 1, 1], dtype=value.dtype)[:, None].expand_as(value)
        return scores.softmax(-1) @ value


def test_nothing_is_said_where_there_is_nothing_to_tell_apart() -> None:
    model = Attentive("fused").double()
    for x in (X[:1].expand(2, -1, -1)[:, :1], X[:1, :1]):
        assert "most" not in " ".join(note.en for note in seen(model, x).notes)
    same = seen(Constant("matmul").double())
    assert same.facts["most attended"] == same.facts["most contributing"] == ("0", "0")
    assert "examples seen together" not in " ".join(note.en for note in same.notes)


class Gated(Attentive):
    """What the heads give is squashed before the projection."""

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return super().attend(query, key, value).tanh()


def test_without_a_map_right_behind_it_the_values_themselves_are_taken() -> None:
    model = Gated("matmul").double()
    result, single = seen(model), seen(model, heads="all")
    weights = pl.attention_weights()(model.eval(), X).values
    norms = model.value(X).unflatten(2, (4, 2)).norm(dim=-1).detach().numpy().transpose(0, 2, 1)
    np.testing.assert_allclose(single.values, weights * norms[:, :, None], rtol=1e-12)
    np.testing.assert_allclose(result.values[:, 0], np.sqrt((single.values**2).sum(1)), rtol=1e-10)
    assert (result.facts["gap"], result.facts["projection"]) == (None, "")
    (note,) = [note for note in result.notes if "identity" in note.en]
    assert not note.aside and "'tanh' comes first" in note.en and "tanh" in note.zh


def test_windows_and_patches() -> None:
    class Windows(nn.Module):
        """Two windows of four tokens, projected window by window and shifted back."""

        def __init__(self) -> None:
            super().__init__()
            self.qkv, self.out = nn.Linear(4, 12), nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            parts = self.qkv(x.roll(1, 1).unflatten(1, (2, 4)).flatten(0, 1)).unflatten(2, (3, 2, 2))
            query, key, value = parts.permute(2, 0, 3, 1, 4)
            out = nn.functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
            return self.out(out.unflatten(0, (len(x), 2)).flatten(1, 2).roll(-1, 1)).mean(1)

    model, x = Windows().double(), torch.randn(3, 8, 4, dtype=torch.float64)
    result = seen(model, x)
    assert result.values.shape == (3, 2, 1, 4, 4) and result.facts["gap"] < 1e-14
    assert len(result.facts["rank correlation"]) == 3 and "most attended" not in result.facts
    np.testing.assert_allclose(seen(model, x[1:2]).values, result.values[1:2], rtol=1e-10)
    vit = NETWORKS["tiny_vit"]
    on = find("attention_norms")(query="first")(vit.build(), vit.x(1))
    assert isinstance(on, Attribution) and on.values.shape == (1, 4, 4)
    assert not any("of the attention" in note.en for note in on.notes)
    each = find("attention_norms")(query="first", heads="all")(vit.build(), vit.x(1))
    assert isinstance(each, Gallery)


def test_separators_take_attention_and_give_little() -> None:
    """The paper's finding, in a model with published weights."""
    model, tokenizer = minilm.minilm()
    lens = pl.Lens(model, tokenizer=tokenizer)
    result = lens.see("The old river bank was flooded again after the rain.", pl.attention_norms())[0]
    assert isinstance(result, Matrix) and result.values.shape == (1, 6, 1, 13, 13)
    assert not result.across and str(result.panels[5]) == "layer.5"
    assert any(note.en == "Each matrix is of one layer: sum of heads." for note in result.notes)
    assert result.facts["most attended"][0] in ("[CLS]", "[SEP]")
    assert result.facts["most contributing"][0] not in ("[CLS]", "[SEP]")
    assert all(one["gap"] < 1e-6 for one in result.facts["layers"].values())


def test_one_forward_and_no_attention() -> None:
    views = pl.Lens(Attentive("einsum")).see(X.float(), pl.attention_norms())
    assert (views.cost.forwards, views.cost.backwards) == (1, 0)
    network = NETWORKS["article_net"]
    with pytest.raises(pl.NotApplicable, match=r"no attention (ran|was recognised)"):
        seen(network.build(), network.x(1))
