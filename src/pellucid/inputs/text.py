"""Text to token numbers, and token numbers to words that people can read."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from pellucid.core.errors import BadInput
from pellucid.inputs.spelling import Spelling


def tokenize(
    text: str | Sequence[str],
    tokenizer: Any,
    *,
    pair: str | Sequence[str] | None = None,
    written: bool = False,
    padding: str | None = None,
) -> dict[str, Any]:
    """The arguments that `tokenizer` makes of one text or a batch of texts, padded to one length.

    Args:
        pair: a second text for each, read together with it as one.
        written: the texts are what a decoder writes, which some tokenizers spell in another vocabulary.
        padding: to what; None: to the longest text.
    Raises:
        BadInput: no text, an empty text, or a batch that this tokenizer cannot pad.
    """
    texts = _several(text)
    told: dict[str, Any] = {}
    if padding is not None or len(texts) > 1:
        told["padding"] = padding or True
    if pair is not None:
        told["text_pair"] = _several(pair)
        if len(told["text_pair"]) != len(texts):
            raise BadInput(f"There are {len(texts)} texts and {len(told['text_pair'])} to pair them with.")
    positional = () if written else (texts,)
    if written:
        told["text_target"] = texts
    try:
        made = tokenizer(*positional, return_tensors="pt", **told)
    except (ValueError, TypeError) as error:
        cannot_pad = "pad" in str(error)
        hint = "tokenizer.pad_token = tokenizer.eos_token" if cannot_pad else "pass the tensors that the model takes"
        raise BadInput(f"The tokenizer {type(tokenizer).__name__} refused the text: {error}", hint=hint) from error
    if not isinstance(made, Mapping) or not any(isinstance(value, Tensor) for value in made.values()):
        raise BadInput(
            f"The tokenizer {type(tokenizer).__name__} gave {type(made).__name__}, not named tensors.",
            hint="it is called as tokenizer(texts, return_tensors='pt')",
        )
    ids = made.get("input_ids")
    if isinstance(ids, Tensor) and not ids.numel():
        raise BadInput(f"The tokenizer {type(tokenizer).__name__} finds no token in the text: {texts[0]!r}.")
    return dict(made)


def _several(text: str | Sequence[str]) -> list[str]:
    texts = [text] if isinstance(text, str) else list(text)
    if not texts or not all(texts):
        raise BadInput("The text is empty." if texts else "The batch of texts is empty: 0 examples.")
    return texts


def token_names(numbers: Tensor, tokenizer: Any = None) -> tuple[tuple[str, ...], ...]:
    """Per example the tokens as words; without a tokenizer, their numbers.

    Marks of the tokenizer (`Ġ`, `▁`, `##`) become what they stand for: a token that begins a word begins with a space,
    so an example's tokens in a row read as its text; see `Spelling.read`.

    Args:
        numbers: integers `(batch, token)`, or `(batch,)` for one token per example.
    """
    rows = numbers.detach().cpu().reshape(numbers.shape[0], -1).tolist()
    if tokenizer is None:
        return tuple(tuple(str(number) for number in row) for row in rows)
    spelling = Spelling.of(tokenizer)
    return tuple(spelling.read([str(one) for one in tokenizer.convert_ids_to_tokens(row)]) for row in rows)
