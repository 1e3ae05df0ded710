"""Relevance between encoder and decoder: the rules of the paper over what eager models of Hugging Face return."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import pellucid as pl
from tests.methods.attention.test__streams import normalised
from tests.oracle.test_transformers_attention import BOTH, IDS, MODELS, SOUND, TWO

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import transformers

POSITION, WORD = 3, 7
GIVEN: dict[str, dict[str, Tensor]] = {
    "T5": TWO,
    "BART": TWO,
    "Whisper": {"input_features": SOUND.double(), "decoder_input_ids": IDS[:, :5]},
}


def built(name: str, way: str) -> nn.Module:
    torch.manual_seed(0)
    if name == "BART":
        made: Any = transformers.BartForConditionalGeneration(transformers.BartConfig(**BOTH, attn_implementation=way))
    elif name == "Whisper":
        config = transformers.WhisperConfig(**MODELS["Whisper"][2], attn_implementation=way)
        made = transformers.WhisperForConditionalGeneration(config)
    else:
        made = transformers.T5ForConditionalGeneration(
            transformers.T5Config(**MODELS["T5"][2], attn_implementation=way)
        )
    return made.double().eval()


def naive(model: nn.Module, x: dict[str, Tensor], example: int) -> tuple[np.ndarray, np.ndarray]:
    """The row of the position that is read: what came from the encoder, and from the decoder without itself."""
    out = model(**{name: value[example : example + 1] for name, value in x.items()}, output_attentions=True)
    every = [*out.encoder_attentions, *out.decoder_attentions, *out.cross_attentions]
    gradients = torch.autograd.grad(out.logits[0, POSITION, WORD], every)
    raising = [
        sum(np.maximum(a * g, 0) for a, g in zip(one[0].detach().numpy(), slope[0].numpy(), strict=True)) / one.shape[1]
        for one, slope in zip(every, gradients, strict=True)
    ]
    first, second = len(out.encoder_attentions), len(out.decoder_attentions)
    encoder, decoder = np.eye(every[0].shape[-1]), np.eye(every[first].shape[-1])
    across = np.zeros((len(decoder), len(encoder)))
    for own in raising[:first]:
        encoder = encoder + own @ encoder
    for own, asks in zip(raising[first : first + second], raising[first + second :], strict=True):
        decoder, across = decoder + own @ decoder, across + own @ across
        across = across + normalised(decoder).T @ asks @ normalised(encoder)
    row = decoder[POSITION] - np.eye(len(decoder))[POSITION]
    row[POSITION] = 0
    return across[POSITION], row


@pytest.mark.parametrize("way", ["eager", "sdpa"])
@pytest.mark.parametrize("name", GIVEN)
def test_both_rows_are_those_of_the_paper(name: str, way: str) -> None:
    x = GIVEN[name]
    encoder, decoder = pl.attention_relevance()(built(name, way), x, target=(POSITION, WORD))
    assert (encoder.input, decoder.input) == tuple(x) and encoder.facts["query"] == (POSITION, POSITION)
    assert decoder.base is not None and decoder.base.kind == "tokens"
    assert encoder.base is not None and encoder.base.kind == ("series" if name == "Whisper" else "tokens")
    for i in range(2):
        for found, expected in zip((encoder, decoder), naive(built(name, "eager"), x, i), strict=True):
            np.testing.assert_allclose(found.values[i], expected, rtol=0, atol=1e-6 * expected.max())
            assert expected.max() > 0
