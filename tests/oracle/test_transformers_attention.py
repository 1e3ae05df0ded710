"""Captured attention against `output_attentions` of Hugging Face's eager models, small and with random weights."""

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from pellucid.engine.attention.attention import Attention
from tests.engine.asking import see

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import transformers

IDS = torch.randint(5, 90, (2, 9), generator=torch.Generator().manual_seed(0))
PIXELS = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
SOUND = torch.randn(2, 8, 20, generator=torch.Generator().manual_seed(2))
TEXT: dict[str, int] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "vocab_size": 99,
}
BOTH: dict[str, int] = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "vocab_size": 99,
}
IMAGE = {key: TEXT[key] for key in list(TEXT)[:4]} | {"image_size": 32, "patch_size": 8}
TWO = {"input_ids": IDS, "decoder_input_ids": IDS[:, :5]}
# name: (model, configuration, settings, input, kinds of attention, sets of keys)
MODELS: dict[str, tuple[str, str, dict[str, Any], dict[str, Tensor], set[str], int]] = {
    "BERT": ("BertModel", "BertConfig", TEXT, {"input_ids": IDS}, {"self"}, 4),
    "DistilBERT": (
        "DistilBertModel",
        "DistilBertConfig",
        {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48, "vocab_size": 99},
        {"input_ids": IDS},
        {"self"},
        4,
    ),
    "ALBERT": ("AlbertModel", "AlbertConfig", TEXT | {"embedding_size": 16}, {"input_ids": IDS}, {"self"}, 4),
    "DeBERTa v2": (
        "DebertaV2Model",
        "DebertaV2Config",
        TEXT | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 8},
        {"input_ids": IDS},
        {"self"},
        4,
    ),
    "GPT-2": (
        "GPT2LMHeadModel",
        "GPT2Config",
        {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": 99, "bos_token_id": 1, "eos_token_id": 2},
        {"input_ids": IDS},
        {"self"},
        4,
    ),
    "OPT": (
        "OPTForCausalLM",
        "OPTConfig",
        {key: TEXT[key] for key in ("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size")}
        | {"ffn_dim": 48, "word_embed_proj_dim": 32},
        {"input_ids": IDS},
        {"self"},
        4,
    ),
    "Llama": ("LlamaForCausalLM", "LlamaConfig", TEXT | {"num_key_value_heads": 2}, {"input_ids": IDS}, {"self"}, 2),
    "Qwen2, one key head": (
        "Qwen2ForCausalLM",
        "Qwen2Config",
        TEXT | {"num_key_value_heads": 1},
        {"input_ids": IDS},
        {"self"},
        1,
    ),
    "Mixtral": (
        "MixtralForCausalLM",
        "MixtralConfig",
        TEXT | {"num_key_value_heads": 2},
        {"input_ids": IDS},
        {"self"},
        2,
    ),
    "Gemma 2": (
        "Gemma2ForCausalLM",
        "Gemma2Config",
        TEXT | {"num_key_value_heads": 2, "head_dim": 8},
        {"input_ids": IDS},
        {"self"},
        2,
    ),
    "T5": (
        "T5ForConditionalGeneration",
        "T5Config",
        {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4, "vocab_size": 99},
        TWO,
        {"self", "cross"},
        4,
    ),
    "BART": ("BartModel", "BartConfig", BOTH, TWO, {"self", "cross"}, 4),
    "Whisper": (
        "WhisperModel",
        "WhisperConfig",
        BOTH
        | {"num_mel_bins": 8, "max_source_positions": 10, "max_target_positions": 12}
        | {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1},
        {"input_features": SOUND, "decoder_input_ids": IDS[:, :5]},
        {"self", "cross"},
        4,
    ),
    "ViT": ("ViTModel", "ViTConfig", IMAGE, {"pixel_values": PIXELS}, {"self"}, 4),
    "CLIP vision": ("CLIPVisionModel", "CLIPVisionConfig", IMAGE, {"pixel_values": PIXELS}, {"self"}, 4),
    "SegFormer": (
        "SegformerModel",
        "SegformerConfig",
        {"hidden_sizes": [8, 16, 16, 32], "num_attention_heads": [1, 2, 2, 4], "depths": [1, 1, 1, 1]},
        {"pixel_values": PIXELS.repeat(1, 1, 2, 2)},
        {"self"},
        1,
    ),
    "Swin": (
        "SwinModel",
        "SwinConfig",
        {"image_size": 32, "patch_size": 2, "embed_dim": 16, "depths": [1, 1], "num_heads": [2, 4], "window_size": 4},
        {"pixel_values": PIXELS},
        {"windowed"},
        2,
    ),
}
ONLY_EAGER = {"DeBERTa v2", "Gemma 2"}


def built(name: str, way: str) -> tuple[nn.Module, dict[str, Tensor]]:
    """The model with its random weights, whatever computes its attention."""
    model, config, settings, x, _, _ = MODELS[name]
    torch.manual_seed(0)
    made = getattr(transformers, config)(**settings, attn_implementation=way)
    return getattr(transformers, model)(made).eval(), x


def captured(model: nn.Module, x: dict[str, Tensor]) -> list[Attention]:
    return [spot.attention for spot in see(model, x, attention=("every attention",)).at("every attention")]


def expected(name: str) -> list[Tensor]:
    """The attention that the eager model returns: encoder, then by layer of the decoder self and cross."""
    model, x = built(name, "eager")
    with torch.no_grad():
        out = model(**x, output_attentions=True)
    encoder = list(getattr(out, "encoder_attentions", None) or ())
    own = list(getattr(out, "decoder_attentions", None) or getattr(out, "attentions", None) or ())
    cross = list(getattr(out, "cross_attentions", None) or ())
    return encoder + ([one for pair in zip(own, cross, strict=True) for one in pair] if cross else own)


@pytest.mark.parametrize("way", ["eager", "sdpa"])
@pytest.mark.parametrize("name", MODELS)
def test_it_equals_what_the_eager_model_returns(name: str, way: str) -> None:
    if way == "sdpa" and name in ONLY_EAGER:
        with pytest.raises(ValueError, match="does not support"):
            built(name, way)
        return
    found, theirs = captured(*built(name, way)), expected(name)
    assert len(found) == len(theirs)
    for mine, other in zip(found, theirs, strict=True):
        assert float((mine.weights - other.reshape(mine.shape)).abs().max()) <= 1e-6
        assert mine.error <= 1e-6
    _, _, _, _, kinds, groups = MODELS[name]
    assert {one.kind for one in found} == kinds and found[0].groups == groups


@pytest.mark.parametrize("name", ["T5", "BART", "Whisper"])
def test_which_sequences_it_joins(name: str) -> None:
    model, x = built(name, "sdpa")
    source = next(key for key in x if key != "decoder_input_ids")
    joined = [(one.kind, one.query_from, one.key_from, one.causal) for one in captured(model, x)]
    encoder = ("self", source, source, False)
    decoder = ("self", "decoder_input_ids", "decoder_input_ids", True)
    assert joined == [encoder, encoder] + [decoder, ("cross", "decoder_input_ids", source, False)] * 2


# The eager Llama takes its softmax in single precision, so the fused one is another function beyond 1e-8.
@pytest.mark.parametrize(
    ("name", "ways"), [("Llama", ["eager"]), ("BERT", ["eager", "sdpa"]), ("GPT-2", ["eager", "sdpa"])]
)
def test_its_gradient_is_that_of_the_eager_model(name: str, ways: list[str]) -> None:
    model, x = built(name, "eager")
    model = model.double()
    out = model(**x, output_attentions=True)
    first = out.logits if hasattr(out, "logits") else out.last_hidden_state
    theirs = torch.autograd.grad(first[:, -1, 3].sum(), out.attentions)
    for way in ways:
        one = built(name, way)[0].double()
        seen = see(one, x, attention=("every attention",), target=lambda out: first_of(out)[:, -1, 3])
        for spot, other in zip(seen.at("every attention"), theirs, strict=True):
            assert spot.attention is not None
            assert float((spot.attention.gradient - other).abs().max()) <= 1e-12 * max(1.0, float(other.abs().max()))


def first_of(out: Any) -> Tensor:
    return out.logits if hasattr(out, "logits") else out.last_hidden_state


def test_every_name_is_known() -> None:
    assert len(MODELS) >= 12
