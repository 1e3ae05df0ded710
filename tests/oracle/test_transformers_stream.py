"""The residual stream of Hugging Face models as they are: their own readout of their own hidden states."""

from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor, nn

import pellucid as pl
from pellucid.registry import find
from tests.networks import seeded

SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "vocab_size": 50,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
GROUPED = {**SMALL, "num_key_value_heads": 2, "head_dim": 8}
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "GPT-2": ("GPT2Config", "GPT2LMHeadModel", {"n_embd": 32, "n_layer": 3, "n_head": 4, **SMALL}),
    "Llama": ("LlamaConfig", "LlamaForCausalLM", GROUPED),
    "Llama, tied": ("LlamaConfig", "LlamaForCausalLM", {**GROUPED, "tie_word_embeddings": True}),
    "Gemma 2": ("Gemma2Config", "Gemma2ForCausalLM", {**GROUPED, "final_logit_softcapping": 3.0}),
    "Mixtral": ("MixtralConfig", "MixtralForCausalLM", GROUPED),
    "GPT-NeoX, parallel": ("GPTNeoXConfig", "GPTNeoXForCausalLM", SMALL),
    "Cohere, parallel": ("CohereConfig", "CohereForCausalLM", GROUPED),
    "OPT": ("OPTConfig", "OPTForCausalLM", {**SMALL, "ffn_dim": 48, "word_embed_proj_dim": 32}),
}


def built(name: str) -> nn.Module:
    """A small random model whose norms and classifier are not those of the start."""
    config, model, settings = MODELS[name]

    def make() -> nn.Module:
        made = getattr(transformers, model)(getattr(transformers, config)(**settings))
        for one, value in made.named_parameters():
            if "norm" in one or "ln_" in one:
                nn.init.normal_(value, float(value.detach().mean()), 0.2)
        nn.init.normal_(made.get_output_embeddings().weight, 0, 0.5)
        return made

    return seeded(make)()


def padded() -> dict[str, Tensor]:
    """Two sentences, the second padded on the left."""
    tokens = torch.randint(3, 50, (2, 7), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(tokens)
    tokens[1, :2] = mask[1, :2] = 0
    return {"input_ids": tokens, "attention_mask": mask}


@pytest.mark.parametrize("name", MODELS)
def test_the_lens_is_the_model_s_readout_of_its_hidden_states(name: str) -> None:
    model: Any = built(name)
    x = padded()
    with torch.no_grad():
        inside = model(**x, output_hidden_states=True)
        states = inside.hidden_states
    shown = pl.Lens(model).see(x, find("logit_lens")(values="logit", top=50, examples=2))[0][2]
    order = [int(one.removeprefix("#")) if one.startswith("#") else int(one) for one in shown.columns]
    assert np.array_equal(shown.values[-1], inside.logits[1, -1, order].numpy()) and shown.facts["gap"] == 0.0
    head, norm = model.get_output_embeddings(), _norm(model)
    with torch.no_grad():
        scores = torch.stack([head(norm(one))[1, -1] for one in states[:-1]]) * getattr(model, "logit_scale", 1.0)
    cap = getattr(model.config, "final_logit_softcapping", None)
    scores = scores if cap is None else cap * torch.tanh(scores / cap)
    np.testing.assert_allclose(shown.values[:-1], scores[:, order], rtol=0, atol=2e-5 * float(scores.abs().max()))


@pytest.mark.parametrize("name", MODELS)
def test_the_writes_sum_to_the_score(name: str) -> None:
    views = pl.Lens(built(name)).see(
        padded(), find("logit_attribution")(examples=2), target=pl.targets(4, 9, pl.contrast(4, 9))
    )
    one, two, both = views[0][1::2]
    sizes = [float(np.abs(side.curves["contribution"]).sum()) for side in (one, two)]
    for bars, size in zip((one, two, both), (*sizes, sum(sizes)), strict=True):
        assert len(bars.labels) >= 7 and abs(bars.facts["gap"]) <= 4e-7 * size
        capped = name == "Gemma 2"
        assert capped or bars.facts["score"] == pytest.approx(bars.targets[0].score, abs=1e-6 * size)


@pytest.mark.parametrize("name", [one for one in MODELS if one != "Gemma 2"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_the_heads_sum_to_what_the_attention_wrote(name: str, attention: str) -> None:
    model: Any = built(name)
    model.set_attn_implementation(attention)
    views = pl.Lens(model).see(
        padded(), find("logit_attribution")(by="head", examples=2), find("logit_attribution")(examples=2), target=4
    )
    heads, bars = (one[1] for one in views)
    whole = dict(zip(bars.labels, bars.curves["contribution"].tolist(), strict=True))
    size = float(np.abs(bars.curves["contribution"]).sum())
    assert heads.values.shape[0] == 3 and heads.values.shape[1] in (4, 5)
    np.testing.assert_allclose(heads.values.sum(1), [whole[row] for row in heads.rows], rtol=0, atol=4e-7 * size)
    assert abs(heads.facts["gap"]) <= 1e-6 * size and np.abs(np.diff(heads.values[:, :4])).min() > 1e-6


def test_a_norm_behind_the_attention_keeps_its_heads_together() -> None:
    with pytest.raises(pl.NotApplicable, match="joined heads"):
        find("logit_attribution")(by="head")(built("Gemma 2"), padded())


def test_a_post_norm_model_is_refused_with_the_reason() -> None:
    model = seeded(lambda: transformers.BertForMaskedLM(transformers.BertConfig(**SMALL)))()
    for name in ("logit_lens", "logit_attribution"):
        with pytest.raises(pl.NotApplicable, match="post-norm"):
            find(name)()(model, padded())


def _norm(model: Any) -> nn.Module:
    names = ("final_layer_norm", "ln_f", "norm")
    found = [(path.count("."), one) for path, one in model.named_modules() if path.rpartition(".")[2] in names]
    return min(found, key=lambda pair: pair[0])[1]
