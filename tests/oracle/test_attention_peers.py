"""Attention methods against the eager attention of Hugging Face's models and autograd through it."""

import warnings

import numpy as np
import pytest
import torch

from pellucid.registry import find

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import transformers

IDS = torch.randint(5, 90, (2, 9), generator=torch.Generator().manual_seed(0))
SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "vocab_size": 99,
}


@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
@pytest.mark.parametrize("name", ["Bert", "Llama"])
def test_weights_and_gradients_are_those_of_the_eager_model(name: str, kernel: str) -> None:
    shared = {"num_key_value_heads": 2} if name == "Llama" else {}
    config = getattr(transformers, f"{name}Config")(**SMALL, **shared, num_labels=3, pad_token_id=0)
    torch.manual_seed(0)
    model = getattr(transformers, f"{name}ForSequenceClassification")(config).eval()
    model.set_attn_implementation("eager")
    seen = model(IDS, output_attentions=True)
    gradients = torch.autograd.grad(seen.logits[:, 2].sum(), seen.attentions)
    model.set_attn_implementation(kernel)
    weights = find("attention_weights")()(model, IDS)
    products = find("attention_gradient")()(model, IDS, 2)
    assert weights.values.shape == products.values.shape == (2, 3, 4, 9, 9)
    for i, (expected, gradient) in enumerate(zip(seen.attentions, gradients, strict=True)):
        assert np.abs(weights.values[:, i] - expected.detach().numpy()).max() <= 1e-6
        wanted = (expected * gradient).detach().numpy()
        assert np.abs(products.values[:, i] - wanted).max() <= 1e-5 * np.abs(wanted).max()
    assert weights.facts["groups"] == (2 if name == "Llama" else 4) and weights.facts["causal"] == (name == "Llama")
    assert weights.facts["error"] < 1e-6 and len(weights.facts["layers"]) == 3
