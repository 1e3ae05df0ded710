"""Attention weights: the probabilities as the model has them, named and told."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import pellucid as pl
from pellucid.core.text import Text
from pellucid.methods.attention import _tokens
from pellucid.registry import find
from pellucid.results import Matrix
from tests.networks import NETWORKS
from tests.networks.attentive import WAYS, Attentive, Way

X = torch.randn(2, 5, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
CLASS = Text("class", "类别词元")
ULP = 4 * 2.0**-52


def seen(model: nn.Module, x: object = X, **settings: object) -> Matrix:
    """The one matrix of a network with one attention."""
    result = find("attention_weights")(**settings)(model.eval(), x)
    assert isinstance(result, Matrix)
    return result


def by_hand(model: Attentive, x: Tensor) -> np.ndarray:
    """Probabilities, a number at a time."""
    query = model.query(x).unflatten(2, (4, 2)).detach()
    key = model.key(x).unflatten(2, (model.groups, 2)).detach()
    found = np.zeros((len(x), 4, x.shape[1], x.shape[1]))
    for b, h, i, j in np.ndindex(*found.shape):
        if not (model.causal and j > i):
            shared = h // (4 // model.groups)
            found[b, h, i, j] = np.exp(float(query[b, i, h] @ key[b, j, shared]) / 2**0.5)
    return found / found.sum(-1, keepdims=True)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("groups", [4, 2])
@pytest.mark.parametrize("way", WAYS)
def test_it_is_the_softmax(way: Way, groups: int, causal: bool) -> None:
    model = Attentive(way, groups=groups, causal=causal).double()
    result = seen(model)
    np.testing.assert_allclose(result.values, by_hand(model, X), rtol=1e-12, atol=1e-15)
    assert np.abs(result.values.sum(-1) - 1).max() <= ULP
    assert (np.triu(result.values, 1) == 0).all() == causal
    assert result.axes == ("batch", "head", "query", "key") and not result.signed and str(result.unit) == "probability"
    assert (result.facts["groups"], result.facts["causal"]) == (groups, causal) and result.facts["error"] < 1e-14
    said = " ".join(note.en for note in result.notes)
    assert ("4 heads share 2 sets" in said) == (groups == 2) and ("looks at a later one" in said) == causal


def test_masked_keys_are_exactly_zero() -> None:
    network = NETWORKS["masked_tokens"]
    x = network.x(2)
    result = seen(network.build(), x)
    assert not result.values[1, ..., 4:].any() and result.values[0].all()
    assert np.abs(result.values.sum(-1) - 1).max() <= 4 * 2.0**-23
    assert result.facts["even share"] == pytest.approx((1 / 6, 1 / 4), abs=1e-6)


def test_it_moves_with_the_tokens() -> None:
    model, order = Attentive("fused").double(), [3, 0, 4, 1, 2]
    np.testing.assert_allclose(
        seen(model, X[:, order]).values, seen(model).values[..., order, :][..., order], rtol=1e-12
    )


def test_queries_that_ask_nothing_look_everywhere_alike() -> None:
    model = Attentive("fused").double()
    nn.init.zeros_(model.query.weight)
    nn.init.zeros_(model.query.bias)
    result = seen(model)
    np.testing.assert_allclose(result.values, 0.2, rtol=1e-15)
    assert result.facts["share"] == pytest.approx(result.facts["even share"])


class Copies(nn.Module):
    """Every token looks at the one before it in head 0, and at token 2 in head 1."""

    def forward(self, x: Tensor) -> Tensor:
        scores = torch.full((len(x), 2, 6, 6), -20.0)
        for i in range(6):
            scores[:, 0, i, max(0, i - 1)] = scores[:, 1, i, 2] = 0.0
        return (scores.softmax(-1) @ torch.stack((x, x), 1)).mean((1, 2))


def test_it_tells_where_attention_sinks() -> None:
    result = seen(Copies(), torch.randn(1, 6, 3))
    assert result.facts["most attended"] == ("2",) and result.facts["share"] == pytest.approx((7 / 12,))
    assert "'2' (58%" in result.notes[0].en and "“2”（58%" in result.notes[0].zh
    expected = np.zeros((6, 6))
    expected[range(6), [0, 0, 1, 2, 3, 4]] = 1
    np.testing.assert_allclose(result.values[0, 0], expected, atol=1e-7)
    assert result.notes[0].en.startswith("Most attention over all heads")
    even = seen(Attentive("fused").double(), X * 1e-3)
    assert even.notes[0].aside and even.notes[0].en.startswith("No key stands out in the first 2 examples")


def test_one_key_alone_stands_out_of_nothing() -> None:
    said = " ".join(note.en for note in seen(Attentive("fused").double(), X[:1, :1]).notes)
    assert "key stands out" not in said and "Most attention" not in said


def test_heads_and_queries() -> None:
    model = Attentive("fused").double()
    whole = seen(model).values
    mean = seen(model, heads="mean")
    np.testing.assert_allclose(mean.values, whole.mean(1, keepdims=True), rtol=1e-14)
    assert np.array_equal(seen(model, heads=(3, 1)).values, whole[:, [3, 1]])
    assert [str(name) for name in seen(model, X[:1], heads=2).panels] == ["head 2"]
    for query, at in ((1, 1), (-1, 4), ("first", 0), ("last", 4)):
        row = seen(model, query=query)
        assert row.axes == ("batch", "head", "key") and np.array_equal(row.values, whole[:, :, at])
        assert row.rows == tuple(Text(f"head {i}", f"头 {i}") for i in range(4)) and len(row.panels) == 2
    for wrong in ({"heads": 4}, {"heads": ()}, {"query": 5}, {"query": -6}):
        with pytest.raises(pl.BadSetting, match=r"has (heads|queries) 0 to") as refused:
            seen(model, **wrong)
        assert "layer" not in refused.value.hint


def test_too_many_numbers_are_averaged_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Attentive("fused").double()
    monkeypatch.setattr(_tokens, "MOST", 4 * 5 * 5 - 1)
    result = seen(model)
    assert result.values.shape == (2, 1, 5, 5) and str(result.panels[1]) == "example 2 · mean of heads"
    aside = next(note for note in result.notes if "averaged" in note.en)
    assert aside.aside and "100 numbers" in aside.en and "100" in aside.zh
    assert seen(model, heads=(0, 1, 2, 3)).values.shape == (2, 4, 5, 5)
    assert seen(model, query=0).values.shape == (2, 4, 5)


class Windows(nn.Module):
    """Two windows of four tokens, in the way of Swin."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(4, 12)

    def forward(self, x: Tensor) -> Tensor:
        split = self.qkv(x.unflatten(1, (2, 4)).flatten(0, 1)).unflatten(2, (3, 2, 2)).permute(2, 0, 3, 1, 4)
        out = functional.scaled_dot_product_attention(split[0], split[1], split[2])
        return out.unflatten(0, (len(x), 2)).mean((1, 2, 3))


def test_windows_are_told() -> None:
    model, x = Windows().double(), torch.randn(3, 8, 4, dtype=torch.float64)
    result = seen(model, x)
    assert result.axes == ("batch", "window", "head", "query", "key") and result.values.shape == (3, 2, 2, 4, 4)
    assert any("2 windows" in note.en for note in result.notes) and result.facts["most attended"] == ()
    assert str(result.panels[5]) == "example 2 · window 0 · head 1"
    assert [[str(name) for name in names] for names in (result.down, result.across)] == [["0", "1"], ["0", "1"]]
    np.testing.assert_allclose(seen(model, x[1:2]).values, result.values[1:2], rtol=1e-12)


@pytest.mark.parametrize(("mixes", "words"), [(False, "between channels"), (True, "mix their heads")])
def test_what_is_no_attention_of_tokens_is_not_drawn(mixes: bool, words: str) -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.qkv, self.mix, self.tokens = nn.Linear(8, 24), nn.Linear(2, 2), Attentive("fused")

        def forward(self, x: Tensor) -> Tensor:
            query, key, value = self.qkv(x).unflatten(2, (3, 2, 4)).permute(2, 0, 3, 1, 4)
            if mixes:
                weights = self.mix((query @ key.transpose(2, 3)).softmax(-1).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
                return self.tokens(x) + (weights @ value).mean()
            weights = (query.transpose(2, 3) @ key).softmax(-1)
            return self.tokens(x) + (weights @ value.transpose(2, 3)).mean()

    model, x = Both().double(), torch.randn(2, 7, 8, dtype=torch.float64)
    result = seen(model, x)
    assert result.layer == "tokens/attention.0"
    assert any(f"1 of 2 attentions {'are ' if not mixes else ''}{words}" in note.en for note in result.notes)
    with pytest.raises(pl.NotApplicable, match=words):
        seen(model, x, layer="/attention.0")


def test_patches_and_words_are_named() -> None:
    vit = NETWORKS["tiny_vit"]
    result = seen(vit.build(), vit.x(1))
    assert result.rows == result.columns and result.columns[:3] == (CLASS, "0,0", "0,1") and result.rows[-1] == "3,3"
    text = NETWORKS["causal_lm"]
    alone, both = (seen(text.build(), text.x(n)) for n in (1, 2))
    assert alone.rows == tuple(map(str, text.x(1)[0].tolist())) and both.rows == tuple("0123456")
    assert any("different tokens" in note.en for note in both.notes) and both.facts["most attended"][0] in alone.rows


def test_a_network_without_attention_says_so() -> None:
    network = NETWORKS["article_net"]
    with pytest.raises(pl.NotApplicable, match=r"no attention (ran|was recognised)"):
        seen(network.build(), network.x(1))
