"""Texts under the names of arguments, `{"input_ids": "a text", "decoder_input_ids": "its answer"}`, as numbers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from pellucid.core.errors import BadInput
from pellucid.core.text import Text
from pellucid.inputs.taken import TEXTS, WRITTEN, names_of, pads_whole, start_of, writes
from pellucid.inputs.text import tokenize

_PAIR, _TARGET = {"text", "text_pair"}, "text_target"
BEGUN = Text(
    "The decoder was given its start token alone: the answer is the first token that it writes.",
    "解码器只得到其起始词元：答案即它写出的第一个词元。",
    aside=True,
)


def is_text(value: Any) -> bool:
    """A text or several."""
    several = isinstance(value, (list, tuple)) and bool(value) and all(isinstance(one, str) for one in value)
    return isinstance(value, str) or several


def numbered(values: Mapping[str, Any], tokenizer: Any, accepts: Callable[..., Any] | None) -> dict[str, Any] | None:
    """The arguments with numbers in place of texts; None where there is no text among them.

    `input_ids` and any other name that ends in `ids` may be texts; so may `text`, `text_pair` and `text_target`, the
    names of a tokenizer for two texts that are read as one, and for what is written. A text as `decoder_input_ids`
    follows the decoder's start token.

    Raises:
        BadInput: there is no tokenizer, or nothing states the start token.
    """
    if is_text(values.get(_TARGET)):
        values = {WRITTEN if name == _TARGET else name: value for name, value in values.items()}
    named = [name for name, value in values.items() if is_text(value) and (name.endswith("ids") or name in _PAIR)]
    if not named:
        return None
    if tokenizer is None:
        raise BadInput(
            Text(
                f"x['{named[0]}'] is a text, and the lens has no tokenizer.",
                f"x['{named[0]}'] 是文本，而 Lens 没有分词器。",
            ),
            hint="pl.Lens(model, tokenizer=…)",
        )
    made: dict[str, Any] = {}
    if values.keys() >= {"text_pair"} and "text" in named:
        made = tokenize(values["text"], tokenizer, pair=values["text_pair"])
    elif "text" in named:
        made = read_alone(values["text"], tokenizer, accepts)
    for name in named:
        if name in _PAIR:
            continue
        if name == WRITTEN:
            made.update(_written(values[name], tokenizer, accepts))
        elif name == TEXTS:
            made.update(read_alone(values[name], tokenizer, accepts))
        else:
            made[name] = tokenize(values[name], tokenizer)[TEXTS]
    return {**made, **{name: value for name, value in values.items() if name not in named}}


def read_alone(text: str | Sequence[str], tokenizer: Any, accepts: Callable[..., Any] | None) -> dict[str, Any]:
    """What the tokenizer makes of texts that the model reads."""
    return tokenize(text, tokenizer, padding="max_length" if pads_whole(accepts) else None)


def begun(kwargs: dict[str, Any], accepts: Callable[..., Any] | None) -> tuple[dict[str, Any], tuple[Text, ...]]:
    """The arguments with the decoder's start token, where a decoder writes and was given nothing."""
    given = {WRITTEN, "decoder_inputs_embeds", "labels"} & kwargs.keys()
    start = start_of(accepts)
    if given or start is None or not writes(accepts):
        return kwargs, ()
    size = next((len(value) for value in kwargs.values() if isinstance(value, Tensor) and value.ndim), 1)
    return {**kwargs, WRITTEN: torch.full((size, 1), start)}, (BEGUN,)


def _written(text: str | Sequence[str], tokenizer: Any, accepts: Callable[..., Any] | None) -> dict[str, Any]:
    """Texts behind the start token, without the token that ends a text; the mask leaves padding out."""
    start = start_of(accepts)
    if start is None:
        raise BadInput(
            Text("Nothing states which token the decoder begins with.", "没有说明解码器以哪个词元开始。"),
            hint=Text(
                "model.config.decoder_start_token_id = …, or decoder_input_ids as numbers",
                "model.config.decoder_start_token_id = …，或以编号给出 decoder_input_ids",
            ),
        )
    made = tokenize(text, tokenizer, written=True)
    ids, mask = made[TEXTS], made.get("attention_mask")
    mask = torch.ones_like(ids) if mask is None else mask
    rows = [row[kept.bool()].tolist() for row, kept in zip(ids, mask, strict=True)]
    end = getattr(tokenizer, "eos_token_id", None)
    rows = [[start, *(row[:-1] if row and row[-1] == end else row)] for row in rows]
    longest, filler = max(map(len, rows)), getattr(tokenizer, "pad_token_id", None) or 0
    padded = torch.stack([pad(torch.tensor(row), (0, longest - len(row)), value=filler) for row in rows])
    held = torch.tensor([[i < len(row) for i in range(longest)] for row in rows]).to(ids.dtype)
    more = {"decoder_attention_mask": held} if "decoder_attention_mask" in names_of(accepts) else {}
    return {WRITTEN: padded, **more}
