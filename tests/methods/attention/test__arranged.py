"""Many attentions as few pictures."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import pellucid as pl
from pellucid.core.text import Text
from pellucid.engine.attention import attending, attention
from pellucid.engine.attention.attention import probabilities
from pellucid.registry import find
from pellucid.results import Matrix
from pellucid.results.encode import decode, encode
from tests.methods.attention.stacks import Given, inputs, random_layers
from tests.networks.writers import t5, words

LAYERS, HEADS, TOKENS = 3, 2, 5
WEIGHTS = random_layers(LAYERS, HEADS, TOKENS)
MODEL, X = Given(WEIGHTS).double().eval(), inputs(TOKENS)


def seen(**settings: object) -> Matrix:
    """All layers in one."""
    result = find("attention_weights")(**settings)(MODEL, X)
    assert isinstance(result, Matrix)
    return result


def test_layers_of_one_size_are_one_result() -> None:
    result = seen()
    assert result.axes == ("batch", "layer", "head", "query", "key") and result.layer == ""
    wanted = np.broadcast_to(WEIGHTS.numpy(), (2, LAYERS, HEADS, TOKENS, TOKENS))
    np.testing.assert_allclose(result.values, wanted, rtol=1e-12)
    assert len(result.down) == LAYERS and [str(name) for name in result.across] == ["0", "1"]
    assert len(result.panels) == 2 * LAYERS * HEADS and str(result.panels[-1]).startswith("example 2 · ")
    addresses = list(result.facts["layers"])
    alone = find("attention_weights")(layer=addresses[1])(MODEL, X)
    assert alone.layer == addresses[1] and np.array_equal(alone.values, result.values[:, 1])
    assert result.facts["layers"][addresses[1]] == alone.facts
    assert result.facts["error"] == max(facts["error"] for facts in result.facts["layers"].values())


def test_it_is_stored_described_and_joined_like_any_other() -> None:
    result = seen()
    assert decode(encode(result)) == result
    assert "12 matrices" in result.describe() and "12 个" in result.describe("zh")
    blocks = pl.Lens(MODEL).see(X, find("attention_weights")(), batch_size=1)[0]
    assert np.array_equal(blocks.values, result.values) and blocks.facts["share"] == result.facts["share"]
    layers = zip(blocks.facts["layers"].values(), result.facts["layers"].values(), strict=True)
    assert all(one["most attended"] == two["most attended"] for one, two in layers)


def test_each_thing_is_said_once() -> None:
    notes = [note.en for note in seen().notes]
    assert len(notes) == len(set(notes)) == 3
    assert sum("goes to" in note for note in notes) == sum("own output" in note for note in notes) == 1


def test_a_sink_is_a_caution_and_anything_less_is_none() -> None:
    shares = torch.full((1, 2, TOKENS, TOKENS), 0.05, dtype=torch.float64)
    notes = {}
    for name, most in (("sink", 0.8), ("less", 0.1)):
        weights = shares.clone()
        weights[..., 1] = most
        weights = (weights / weights.sum(-1, keepdim=True)).expand(3, -1, -1, -1, -1)[:, 0]
        result = find("attention_weights")()(Given(weights).double().eval(), X)
        notes[name] = next(note for note in result.notes if "goes to '1'" in note.en)
        assert result.facts["most attended"] == ("1", "1")
    assert not notes["sink"].aside and "rest there" in notes["sink"].en
    assert notes["less"].aside and "rest there" not in notes["less"].en


def test_one_query_of_several_layers_without_picture_or_text_is_a_matrix_for_each() -> None:
    result = seen(query=2)
    assert result.axes == ("batch", "layer", "head", "key") and result.down == ()
    np.testing.assert_array_equal(result.values, seen().values[..., 2, :])
    assert result.rows == (Text("head 0", "头 0"), Text("head 1", "头 1"))
    assert len(result.panels) == 2 * LAYERS


class Sizes(nn.Module):
    """Attention over six tokens twice, over three twice, and of three on six."""

    def forward(self, x: Tensor) -> Tensor:
        def attend(query: Tensor, key: Tensor) -> Tensor:
            return functional.scaled_dot_product_attention(query[:, None], key[:, None], key[:, None])[:, 0]

        x = attend(attend(x, x), x + 1)
        short = x.unflatten(1, (3, 2)).mean(2)
        return attend(attend(attend(short, short), x), short).mean((1, 2))[:, None]


def test_other_sizes_are_other_pictures() -> None:
    x = torch.randn(2, 6, 4, dtype=torch.float64)
    results = find("attention_weights")()(Sizes().double(), x)
    shapes = sorted(result.values.shape for result in results)
    assert shapes == [(2, 1, 3, 6), (2, 2, 1, 3, 3), (2, 2, 1, 6, 6)]
    assert sum(bool(result.layer) for result in results) == 1


@pytest.mark.parametrize("heads", ["mean", (1,), (1, 0)])
def test_heads_are_chosen_in_all_layers(heads: object) -> None:
    every, result = seen(), seen(heads=heads)
    wanted = every.values.mean(2, keepdims=True) if heads == "mean" else every.values[:, :, list(heads)]  # type: ignore[call-overload]
    np.testing.assert_allclose(result.values, wanted, rtol=1e-14)
    one = heads in ("mean", (1,))
    assert [str(name) for name in result.across] == ([] if one else ["1", "0"]), "one of each layer is laid out freely"
    assert len(result.down) == (0 if one else LAYERS) and len(result.panels) == result.values[..., 0, 0].size


def test_layers_that_look_back_only_stand_apart_from_those_that_look_both_ways() -> None:
    back = random_layers(LAYERS, HEADS, TOKENS, causal=True, seed=1)
    weights = torch.stack([WEIGHTS[0], back[0], WEIGHTS[1], back[1], WEIGHTS[2]])
    both, past = find("attention_weights")()(Given(weights).double().eval(), X)
    for result, wanted in ((both, WEIGHTS), (past, back[:2])):
        np.testing.assert_allclose(result.values, wanted.numpy()[None].repeat(2, 0), rtol=1e-12)
        assert result.values.flags.c_contiguous and not result.values.flags.writeable
    assert past.facts["causal"] and not both.facts["causal"]


def test_probabilities_of_any_size_are_made_once_for_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    monkeypatch.setattr(attention, "_CACHED", 0)
    monkeypatch.setattr(
        attending, "probabilities", lambda *args, **kwargs: made.append(1) or probabilities(*args, **kwargs)
    )
    results = find("attention_weights")()(Sizes().double(), torch.randn(2, 6, 4, dtype=torch.float64))
    assert len(results) == 3 and len(made) == 5


def test_layers_are_named_without_what_all_of_them_end_with() -> None:
    lens = pl.Lens(t5(), tokenizer=words(ends=True))
    x = {"input_ids": "the cat sat", "decoder_input_ids": "the mat"}
    crossed = next(one for one in lens.see(x, find("attention_weights")())[0] if "cross" in one.facts["kind"])
    assert [str(name) for name in crossed.down] == ["decoder.block.0", "decoder.block.1"]
    alone = lens.see(x, find("attention_weights")(heads="mean"))[0]
    assert [str(name) for name in alone[2].panels] == ["decoder.block.0", "decoder.block.1"]
    assert any("mean of heads" in note.en for note in alone[2].notes)
