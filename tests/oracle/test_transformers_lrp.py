"""AttnLRP on the transformers library's models as they are: a Llama restated, and what CP-LRP conserves in others."""

from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import Tensor

import pellucid as pl
from tests.methods.decision.test_attn_lrp import EPS, IDS, Ruled, restated
from tests.networks import seeded

SMALL: dict[str, Any] = {
    "vocab_size": 13,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 4,
    "initializer_range": 0.5,
    "rms_norm_eps": EPS,
    "pad_token_id": 0,
    "attention_bias": False,
}
BIAS_FREE = {
    "Llama": {},
    "Mistral": {},
    "Qwen3": {},  # norms of queries and keys
    "Phi3": {},  # gate and value in one product
    "Gemma2": {"final_logit_softcapping": 3.0, "attn_logit_softcapping": 2.0, "query_pre_attn_scalar": 4},
    "Gemma3Text": {"layer_types": ["full_attention", "sliding_attention"], "sliding_window": 4},
    "Granite": {"residual_multiplier": 0.5, "logits_scaling": 2.0, "embedding_multiplier": 3.0},
}


def in_double(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library compute the roots of its norms and its softmax in the precision of the model."""
    from transformers.models.llama import modeling_llama as library

    def norm(self: Any, x: Tensor) -> Tensor:
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon))

    def attend(
        module: Any, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, scaling: float, **_: Any
    ) -> tuple[Tensor, Tensor]:
        k, v = (one.repeat_interleave(module.num_key_value_groups, 1) for one in (k, v))
        shares = (q @ k.mT * scaling + (0 if mask is None else mask)).softmax(-1)
        return (shares @ v).transpose(1, 2).contiguous(), shares

    monkeypatch.setattr(library.LlamaRMSNorm, "forward", norm)
    monkeypatch.setattr(library, "eager_attention_forward", attend)


@pytest.mark.parametrize("form", ["attn", "cp"])
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
@pytest.mark.parametrize("double", [False, True], ids=["as it is", "all in double"])
def test_the_llama_of_a_library(form: str, implementation: str, double: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library rounds its norms, and the softmax of its eager attention, to single precision.

    That is all that its results differ by from the paper's rules: with the same roundings they agree to the last digit,
    and without any to 1e-15.
    """
    if double:
        in_double(monkeypatch)
    config = transformers.LlamaConfig(**SMALL)
    build = transformers.LlamaForCausalLM._from_config
    model = seeded(lambda: build(config, attn_implementation=implementation))().double()
    result = pl.attn_lrp(form=form)(model, {"input_ids": IDS}, target=(-1, 3))
    norms = torch.float64 if double else torch.float32
    how = Ruled(form, norms, norms if implementation == "eager" else torch.float64)
    embedded = model.get_input_embeddings()(IDS)
    expected = restated(dict(model.named_parameters()), embedded, (-1, 3), how)
    missed = float(np.abs(result.values - expected).max() / np.abs(expected).max())
    assert missed <= (1e-12 if double else 1e-10)
    if form == "cp":
        np.testing.assert_allclose(result.facts["sum"], result.facts["score"], rtol=1e-9 if double else 1e-6)


# The library runs Gemma 2, whose attention is capped, in eager mode only.
@pytest.mark.parametrize(
    ("name", "implementation"),
    [(name, how) for name in BIAS_FREE for how in ("sdpa", "eager") if (name, how) != ("Gemma2", "sdpa")],
)
def test_cp_hands_all_of_the_score_to_the_tokens(name: str, implementation: str) -> None:
    """Gates, roots of norms, caps and attention are found in each library's own way of writing them."""
    config = getattr(transformers, f"{name}Config" if name != "Gemma3Text" else "Gemma3TextConfig")
    model = getattr(transformers, f"{name.removesuffix('Text')}ForCausalLM")
    made = config(**{**SMALL, **BIAS_FREE[name]})
    network = seeded(lambda: model._from_config(made, attn_implementation=implementation))().double()
    result = pl.attn_lrp(form="cp")(network, {"input_ids": IDS}, target=(-1, 3))
    np.testing.assert_allclose(result.facts["sum"], result.facts["score"], rtol=2e-6)
    plain = pl.input_x_gradient()(network, {"input_ids": IDS}, target=(-1, 3))
    assert np.abs(plain.values.sum((1, 2)) / np.array(result.facts["score"]) - 1).max() > 0.01
