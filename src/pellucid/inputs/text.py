"""Text to token numbers, and token numbers to words that people can read."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from pellucid.core.errors import BadInput
from pellucid.inputs.spelling import Spelling


def tokenize(text: str | Sequence[str], tokenizer: Any) -> dict[str, Any]:
    """The arguments that `tokenizer` makes of one text or a batch of texts, padded to one length.

    Raises:
        BadInput: no text, an empty text, or a batch that this tokenizer cannot pad.
    """
    texts = [text] if isinstance(text, str) else list(text)
    if not texts or not all(texts):
        raise BadInput("The text is empty." if texts else "The batch of texts is empty: 0 examples.")
    alone = {} if len(texts) == 1 else {"padding": True}
    try:
        made = tokenizer(texts, return_tensors="pt", **alone)
    except (ValueError, TypeError) as error:
        padding = "pad" in str(error)
        hint = "tokenizer.pad_token = tokenizer.eos_token" if padding else "pass the tensors that the model takes"
        raise BadInput(f"The tokenizer {type(tokenizer).__name__} refused the text: {error}", hint=hint) from error
    if not isinstance(made, Mapping) or not any(isinstance(value, Tensor) for value in made.values()):
        raise BadInput(
            f"The tokenizer {type(tokenizer).__name__} gave {type(made).__name__}, not named tensors.",
            hint="it is called as tokenizer(texts, return_tensors='pt')",
        )
    return dict(made)


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
