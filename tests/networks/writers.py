"""Small models of transformers that take more than one text: encoders with a decoder, and texts beside pictures."""

from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

SIDE = 32
PIECES = ["<s>", "</s>", "<unk>", "the", "cat", "sat", "on", "mat", "dog"]


def words(*, ends: bool = False, **special: str) -> transformers.PreTrainedTokenizerFast:
    """A tokenizer of whole words; with `ends` each text ends with `</s>`."""
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(PIECES)}, unk_token="<unk>"))
    made.pre_tokenizer, made.decoder = pre_tokenizers.Whitespace(), decoders.Fuse()
    if ends:
        made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    named = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<s>", **special}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, **named)


def t5() -> Any:
    """Two layers on either side; its decoder begins with token 0, which is its padding too."""
    torch.manual_seed(0)
    sizes = {"d_model": 16, "d_kv": 4, "d_ff": 16, "num_layers": 2, "num_heads": 4}
    config = transformers.T5Config(
        vocab_size=len(PIECES), decoder_start_token_id=0, pad_token_id=0, eos_token_id=1, dropout_rate=0, **sizes
    )
    made = transformers.T5ForConditionalGeneration(config).eval()
    torch.nn.init.normal_(made.lm_head.weight)
    return made


def bart() -> Any:
    """Two layers on either side; its decoder begins with the token that ends a text."""
    torch.manual_seed(0)
    sides = {f"{side}_{name}": size for side in ("encoder", "decoder") for name, size in _BART.items()}
    numbers = {"pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 1}
    config = transformers.BartConfig(
        vocab_size=len(PIECES), d_model=16, max_position_embeddings=SIDE, forced_eos_token_id=None, **sides, **numbers
    )
    return transformers.BartForConditionalGeneration(config).eval()


_BART = {"layers": 2, "attention_heads": 4, "ffn_dim": 16}


def clip() -> Any:
    """Texts of up to 16 tokens beside pictures of 32 x 32."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4}
    text = {"vocab_size": len(PIECES), "max_position_embeddings": 16, "eos_token_id": 1, "bos_token_id": 0, **sizes}
    config = transformers.CLIPConfig(
        text_config=text, vision_config={"image_size": SIDE, "patch_size": 8, **sizes}, projection_dim=8
    )
    return transformers.CLIPModel(config).eval()
