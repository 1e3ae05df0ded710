"""Attention rollout: closed forms through whole networks, which token is read, and what does not compose."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import pellucid as pl
from pellucid.core.errors import BadSetting, NotApplicable
from tests.methods.attention.stacks import Given, inputs, random_layers
from tests.networks import NETWORKS
from tests.networks.writers import bart, t5, words


def naive(layers: torch.Tensor, heads: str = "mean") -> np.ndarray:
    joint = np.eye(layers.shape[-1])
    for layer in layers.numpy():
        joined = getattr(np, heads)(layer, axis=0) + np.eye(len(joint))
        joint = joined / joined.sum(1, keepdims=True) @ joint
    return joint


@pytest.mark.parametrize("heads", ["mean", "max", "min"])
def test_every_token_in_one_forward(heads: str) -> None:
    layers = random_layers(4, 3, 6)
    (result,) = pl.Lens(Given(layers)).see(inputs(6), pl.attention_rollout(heads=heads))
    assert result.axes == ("batch", "query", "key") and result.values.dtype == np.float64
    np.testing.assert_allclose(result.values, [naive(layers, heads)] * 2, rtol=0, atol=1e-14)
    np.testing.assert_allclose(result.values.sum(-1), 1, rtol=0, atol=1e-14)
    assert result.facts["layers"] == 4
    np.testing.assert_allclose(result.facts["own"], [naive(layers, heads).diagonal().mean()] * 2)


@pytest.mark.parametrize(
    ("query", "row"),
    [(2, [0, 0, 1, 0, 0, 0]), (-1, [0, 0, 0, 0, 0, 1]), ("first", [1, 0, 0, 0, 0, 0]), ("mean", [1 / 6] * 6)],
)
def test_one_row_is_that_row(query: int | str, row: list[float]) -> None:
    layers = random_layers(3, 2, 6)
    result = pl.attention_rollout(query=query)(Given(layers), inputs(6))
    assert result.kind == "attribution" and result.axes == ("batch", "time")
    np.testing.assert_allclose(result.values, [row @ naive(layers)] * 2, rtol=0, atol=1e-14)
    assert result.base.grid == (6,) and result.facts["query"] == (
        result.facts["query"] if query == "mean" else (row.index(1),) * 2
    )


def test_known_heads() -> None:
    eye, n = torch.eye(5, dtype=torch.float64), 5
    previous = eye.roll(-1, 1)
    previous[0] = eye[0]
    copies = eye[[3]].expand(5, 5)
    even = torch.full((5, 5), 1 / n, dtype=torch.float64)
    rolled = {
        name: pl.attention_rollout()(Given(one.expand(2, 1, 5, 5).contiguous()), inputs(5)).values[0]
        for name, one in {"own": eye, "previous": previous, "copy": copies, "even": even}.items()
    }
    np.testing.assert_allclose(rolled["own"], eye, rtol=0, atol=1e-15)
    np.testing.assert_allclose(rolled["previous"][4], [0, 0, 1 / 4, 1 / 2, 1 / 4], rtol=0, atol=1e-15)
    np.testing.assert_allclose(rolled["copy"][1], [0, 1 / 4, 0, 3 / 4, 0], rtol=0, atol=1e-15)
    np.testing.assert_allclose(rolled["even"], eye / 4 + 3 / 4 / n, rtol=0, atol=1e-15)
    assert not np.triu(rolled["previous"], 1).any()


def test_patches_lie_on_the_picture_and_the_class_token_beside_it() -> None:
    network = NETWORKS["tiny_vit"]
    model: Any = network.build()
    x = network.x(2)
    with torch.no_grad():
        flat = torch.cat([model.token.expand(2, -1, -1), model.patch(x).flatten(2).transpose(1, 2)], 1) + model.position
        y = model.norm1(flat)
        weights = model.attn(y, y, y, need_weights=True)[1].numpy()
    result = pl.attention_rollout(query="first")(model, x)
    assert result.axes == ("batch", "height", "width") and result.base.kind == "image"
    np.testing.assert_allclose(result.values.reshape(2, 16), weights[:, 0, 1:] / 2, rtol=1e-5)
    np.testing.assert_allclose(result.facts["off the grid"], weights[:, 0, 0] / 2 + 0.5, rtol=1e-5)
    whole = pl.attention_rollout()(model, x)
    assert len(whole.rows) == 17 and whole.rows[-1] == "3,3"
    dropped = pl.attention_rollout(discard=0.99)(model, x).values
    assert (dropped[:, 1:, 0] > 0).all() and (dropped > 0).sum() <= 2 * (2 * 17)


def test_padding_is_not_the_last_token() -> None:
    network = NETWORKS["masked_tokens"]
    x = network.x(2)
    result = pl.attention_rollout(query="last")(network.build(), x)
    assert result.facts["query"] == tuple(int(row.sum()) - 1 for row in x["mask"]) == (5, 3)
    assert not result.values[1, 4:].any()
    mean = pl.attention_rollout(query="mean")(network.build(), x)
    assert not mean.values[1, 4:].any() and np.allclose(mean.values.sum(1), 1)


def test_errors() -> None:
    network = NETWORKS["tiny_vit"]
    with pytest.raises(BadSetting, match="there are 17 tokens"):
        pl.attention_rollout(query=17)(network.build(), network.x(1))
    with pytest.raises(NotApplicable, match=r"no attention (ran|was recognised)"):
        pl.attention_rollout()(NETWORKS["residual"].build(), NETWORKS["residual"].x(1))
    with pytest.raises(BadSetting):
        pl.attention_rollout(discard=1.0)


@pytest.mark.parametrize("make", [t5, bart])
def test_an_encoder_with_a_decoder_is_sent_to_what_joins_them(make: Callable[[], nn.Module]) -> None:
    (refused,) = pl.Lens(make(), tokenizer=words()).see("the cat sat", "attention_rollout").failures
    assert isinstance(refused.error, NotApplicable) and "is cross attention" in refused.reason
    assert refused.error.hint.startswith("attention_relevance() joins two sequences")
