"""Text to token numbers, and token numbers to words that people can read."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from torch import Tensor

from pellucid.core.errors import BadInput

_VISIBLE = {"\n": "↵", "\t": "⇥", "\r": "␍", " ": "␣"}


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
    so an example's tokens in a row read as its text.

    Args:
        numbers: integers `(batch, token)`, or `(batch,)` for one token per example.
    """
    rows = numbers.detach().cpu().reshape(numbers.shape[0], -1).tolist()
    if tokenizer is None:
        return tuple(tuple(str(number) for number in row) for row in rows)
    marks = _marks(tokenizer)
    special: set[str] = set(getattr(tokenizer, "all_special_tokens", ()))
    return tuple(_readable([str(one) for one in tokenizer.convert_ids_to_tokens(row)], marks, special) for row in rows)


def _marks(tokenizer: Any) -> str:
    vocabulary = tokenizer.get_vocab() if hasattr(tokenizer, "get_vocab") else {}
    if "Ġ" in vocabulary:
        return "Ġ"
    return "▁" if "▁" in vocabulary or any(token.startswith("▁") for token in vocabulary) else "##"


def _readable(tokens: list[str], marks: str, special: set[str]) -> tuple[str, ...]:
    words, fresh = [], True
    for token in tokens:
        if token in special:
            words.append(token)
            fresh = True
            continue
        if marks == "Ġ":
            word = _from_bytes(token)
        elif marks == "▁":
            word = token.replace("▁", " ")
        else:
            word = token[2:] if token.startswith("##") else token if fresh else f" {token}"
        words.append(_shown(word))
        fresh = False
    return tuple(words)


def _shown(word: str) -> str:
    if not word.strip(" "):
        return "␣" * len(word)
    return "".join(_VISIBLE.get(mark, mark) if mark != " " else mark for mark in word)


def _from_bytes(token: str) -> str:
    """The characters of a byte-level token; the bytes themselves where a token holds only part of a character."""
    table = _byte_of()
    if any(mark not in table for mark in token):
        return token
    raw = bytes(table[mark] for mark in token)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "".join(chr(one) if 0x20 <= one < 0x7F else f"‹{one:02x}›" for one in raw)


@cache
def _byte_of() -> dict[str, int]:
    """The byte that each character of a byte-level vocabulary stands for (Radford et al. 2019)."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [one for one in range(256) if one not in plain]
    return {**{chr(one): one for one in plain}, **{chr(256 + place): one for place, one in enumerate(others)}}
