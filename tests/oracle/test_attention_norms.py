"""Attention norms against the models' own layers: every vector made by the value and output layers themselves."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from pellucid.results import Matrix
from tests.oracle.test_transformers_attention import built

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import timm
    import torchvision

Linear = Callable[[Tensor], Tensor]
Layers = tuple[nn.Module, Linear, Linear]
"""The module that is called with the hidden state, its value layer, and its output layer without the bias."""


def unbiased(layer: nn.Module) -> Linear:
    """A layer without its bias; of GPT-2 too, whose weight lies the other way."""
    weight = layer.weight.detach()
    return (lambda x: x @ weight) if type(layer).__name__ == "Conv1D" else (lambda x: x @ weight.T)


def _bert(model: Any) -> list[Layers]:
    layers = [one.attention for one in model.encoder.layer]
    return [(one.self, one.self.value, unbiased(one.output.dense)) for one in layers]


def _gpt2(model: Any) -> list[Layers]:
    layers = [one.attn for one in model.transformer.h]
    return [(one, lambda x, one=one: one.c_attn(x).chunk(3, -1)[2], unbiased(one.c_proj)) for one in layers]


def _llama(model: Any) -> list[Layers]:
    return [(one.self_attn, one.self_attn.v_proj, unbiased(one.self_attn.o_proj)) for one in model.model.layers]


def _timm(model: Any) -> list[Layers]:
    layers = [one.attn for one in model.blocks]
    return [(one, lambda x, one=one: one.qkv(x).chunk(3, -1)[2], unbiased(one.proj)) for one in layers]


def _torchvision(model: Any) -> list[Layers]:
    return [_multihead(one.self_attention) for one in model.encoder.layers]


def _multihead(one: nn.MultiheadAttention) -> Layers:
    value = nn.functional.linear
    weight, bias = one.in_proj_weight.chunk(3)[2], one.in_proj_bias.chunk(3)[2]
    return one, lambda x: value(x, weight, bias), unbiased(one.out_proj)


def by_hand(model: nn.Module, x: Any, layers: list[Layers], weights: np.ndarray, width: int) -> np.ndarray:
    """`(batch, layer, query, key)`: all heads of one key through the output layer, `width` features each."""
    states: dict[int, Tensor] = {}
    for i, (module, _, _) in enumerate(layers):
        module.register_forward_pre_hook(
            lambda _, args, kwargs, i=i: states.update({i: args[0] if args else kwargs["hidden_states"]}),
            with_kwargs=True,
        )
    with torch.no_grad():
        model(**x) if isinstance(x, dict) else model(x)
        found = np.zeros((weights.shape[0], weights.shape[1], *weights.shape[3:]))
        for i, (_, value, out) in enumerate(layers):
            values, heads = value(states[i]), weights.shape[2]
            shares = heads * width // values.shape[-1]
            for b, q, k in np.ndindex(found.shape[0], *found.shape[2:]):
                joined = torch.zeros(heads, width, dtype=values.dtype)
                for head in range(heads):
                    part = values[b, k].unflatten(0, (-1, width))[head // shares]
                    joined[head] = float(weights[b, i, head, q, k]) * part
                found[b, i, q, k] = float(out(joined.flatten()).norm())
    return found


def _vit() -> tuple[nn.Module, Any]:
    torch.manual_seed(0)
    model = timm.create_model(
        "vit_tiny_patch16_224", img_size=32, patch_size=16, embed_dim=24, depth=2, num_heads=3, num_classes=4
    )
    return model.eval(), torch.randn(1, 3, 32, 32)


def _tv() -> tuple[nn.Module, Any]:
    torch.manual_seed(0)
    return torchvision.models.VisionTransformer(32, 16, 2, 3, 24, 32, num_classes=4).eval(), torch.randn(1, 3, 32, 32)


MODELS: dict[str, tuple[Callable[[], tuple[nn.Module, Any]], Callable[[Any], list[Layers]]]] = {
    "BERT": (lambda: built("BERT", "sdpa"), _bert),
    "GPT-2": (lambda: built("GPT-2", "sdpa"), _gpt2),
    "Llama, shared values": (lambda: built("Llama", "sdpa"), _llama),
    "timm ViT": (_vit, _timm),
    "torchvision ViT": (_tv, _torchvision),
}


@pytest.mark.parametrize("name", MODELS)
def test_it_is_what_the_layers_make_of_each_key(name: str) -> None:
    make, layers = MODELS[name]
    model, x = make()
    model = model.double()
    x = x.double() if isinstance(x, Tensor) else x
    result, weights = pl.attention_norms()(model, x), pl.attention_weights()(model, x)
    assert isinstance(result, Matrix) and isinstance(weights, Matrix)
    assert all(one["gap"] < 1e-6 for one in result.facts["layers"].values())
    expected = by_hand(model, x, layers(model), weights.values, width=8)
    np.testing.assert_allclose(result.values[:, :, 0], expected, rtol=1e-5, atol=1e-7 * expected.max())


def test_an_encoder_and_a_decoder() -> None:
    model, x = built("T5", "sdpa")
    result = pl.attention_norms()(model, x)
    gaps = [one["gap"] for part in result for one in part.facts["layers"].values()]
    assert len(gaps) == 6 and max(gaps) < 1e-6
