"""One query of attention, laid on what its keys are."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import pellucid as pl
from pellucid.registry import find
from pellucid.results import Attribution, Gallery, Matrix
from pellucid.results.resample import resample
from tests.networks import NETWORKS, minilm

PATCHES = 3


class Patches(nn.Module):
    """A picture as a class token and patches through attentions of two heads; the class token answers."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.cut = nn.Conv2d(3, 8, 4, 4)
        self.first = nn.Parameter(torch.randn(1, 1, 8))
        self.layers = nn.ModuleList(nn.Linear(8, 24) for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.first.expand(len(x), -1, -1), self.cut(x).flatten(2).transpose(1, 2)], 1)
        for layer in self.layers:
            split = layer(x).unflatten(2, (3, 2, 4)).permute(2, 0, 3, 1, 4)
            x = x + functional.scaled_dot_product_attention(*split.unbind()).transpose(1, 2).flatten(2)
        return x[:, 0, :3]


def pictures(count: int) -> Tensor:
    return torch.rand(count, 3, 4 * PATCHES, 4 * PATCHES, generator=torch.Generator().manual_seed(count))


def look(layers: int, examples: int, **settings: object) -> tuple[Matrix, Gallery | Attribution | Matrix]:
    """All of the attention, and one query of it."""
    torch.manual_seed(0)
    model, x = Patches(layers).eval(), pictures(examples)
    whole, laid = pl.Lens(model).see(
        x, find("attention_weights")(), find("attention_weights")(query="first", **settings)
    )
    return whole, laid


def test_the_heads_of_one_layer_lie_on_the_picture_after_their_mean() -> None:
    whole, result = look(1, 1)
    assert isinstance(result, Gallery) and result.axes == ("batch", "head", "key")
    assert np.array_equal(result.values, whole.values[:, :, 0])
    assert [str(one) for one in result.captions] == ["mean of heads", "head 0", "head 1"]
    maps = result.values[0, :, 1:].reshape(2, PATCHES, PATCHES)
    for image, wanted in zip(result.images, (maps.mean(0), *maps), strict=True):
        np.testing.assert_allclose(image, resample(wanted, image.shape), rtol=1e-6)
    assert all(one is not None and one.shape[:2] == result.images[0].shape for one in result.beneath)
    assert result.facts["off the grid"] == pytest.approx(result.values[..., 0].mean(1))


def test_a_single_map_is_an_attribution() -> None:
    whole, result = look(1, 2, heads="mean")
    assert isinstance(result, Attribution) and result.axes == ("batch", "height", "width")
    row = whole.values.mean(1)[:, 0]
    np.testing.assert_allclose(result.values, row[:, 1:].reshape(2, PATCHES, PATCHES), rtol=1e-6)
    np.testing.assert_allclose(result.values.sum((1, 2)) + result.facts["off the grid"], 1, rtol=1e-5)
    assert result.base is not None and result.base.kind == "image" and result.heat.shape == (2, 12, 12)
    note = next(note for note in result.notes if "no place in the picture" in note.en)
    assert note.aside and "The class token" in note.en and "类别词元" in note.zh
    _, second = look(1, 2, heads=1)
    assert isinstance(second, Attribution)
    np.testing.assert_allclose(second.values.reshape(2, -1), whole.values[:, 1, 0, 1:], rtol=1e-6)


def test_layers_are_groups_and_only_means_where_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, result = look(3, 2)
    assert isinstance(result, Gallery) and result.axes == ("batch", "layer", "head", "key")
    assert np.array_equal(result.values, whole.values[..., 0, :]) and len(result.images) == 2 * 3 * 3
    assert str(result.groups[0]).startswith("example 1 · ") and len(set(result.groups)) == 6
    monkeypatch.setattr("pellucid.methods.attention._laid.TILES", 8)
    _, few = look(3, 3)
    assert isinstance(few, Gallery) and len(few.images) == 2 * 3 and few.values.shape[:3] == (3, 3, 2)
    assert any("averaged" in note.en and note.aside for note in few.notes)


def test_the_gradient_lies_there_too() -> None:
    torch.manual_seed(0)
    result = find("attention_gradient")(query="first")(Patches(1).eval(), pictures(2), 1)
    assert isinstance(result, Gallery) and result.signed and len(result.images) == 6
    assert not any("% of" in note.en for note in result.notes)


@pytest.fixture(scope="module")
def reader() -> pl.Lens:
    model, tokenizer = minilm.minilm()
    return pl.Lens(model, tokenizer=tokenizer)


LAST = "encoder.layer.5.attention.self/attention.0"
TEXTS = ["The cats slept near the old river.", "Rain fell."]


def test_the_heads_of_one_layer_colour_the_text(reader: pl.Lens) -> None:
    whole, result = reader.see(TEXTS, *(find("attention_weights")(layer=LAST, query=q) for q in (None, 1)))
    assert isinstance(result, Matrix) and result.axes == ("batch", "head", "key") and len(result.rows) == 12
    assert np.array_equal(result.values, whole.values[:, :, 1])
    assert result.words[0][:3] == ("[CLS]", "the", "cats") and result.words[1][-1] == "[PAD]"
    blocks = reader.see([TEXTS[0]] * 3, find("attention_weights")(layer=LAST, query=1), batch_size=1)[0]
    assert len(blocks.words) == len(blocks.values) == 3


def test_of_several_layers_the_means_colour_the_text(reader: pl.Lens) -> None:
    whole, result = reader.see(TEXTS[0], *(find("attention_weights")(query=q) for q in (None, "last")))
    assert isinstance(result, Matrix) and result.axes == ("batch", "layer", "key")
    np.testing.assert_allclose(result.values, whole.values[..., -1, :].mean(2), rtol=1e-5)
    assert [str(name) for name in result.rows] == [f"layer.{i}" for i in range(6)]
    assert any("averaged" in note.en for note in result.notes)


def test_a_single_row_is_an_attribution_on_the_text(reader: pl.Lens) -> None:
    result = reader.see(TEXTS, find("attention_weights")(layer=LAST, query=0, heads="mean"))[0]
    assert isinstance(result, Attribution) and result.base is not None and result.base.kind == "tokens"
    np.testing.assert_allclose(result.values.sum(1), 1, rtol=1e-5)


def test_networks_whose_words_are_numbers() -> None:
    network = NETWORKS["tiny_vit"]
    laid = find("attention_weights")(query="first")(network.build(), network.x(2))
    assert isinstance(laid, Gallery)
    text = NETWORKS["causal_lm"]
    rows = find("attention_weights")(query="last")(text.build(), text.x(1))
    assert rows.values.shape[0] == 1 and rows.values.shape[-1] == text.x(1).shape[1]
