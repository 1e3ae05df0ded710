"""Text to token numbers, and token numbers to words that people can read."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from pellucid.core.errors import BadInput
from pellucid.core.text import Text
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
        told["text_pair"] = _paired(pair, len(texts))
    positional = () if written else (texts,)
    if written:
        told["text_target"] = texts
    try:
        made = tokenizer(*positional, return_tensors="pt", **told)
    except (ValueError, TypeError) as error:
        cannot_pad = "pad" in str(error)
        hint = "tokenizer.pad_token = tokenizer.eos_token" if cannot_pad else "pass the tensors that the model takes"
        raise BadInput(
            Text(
                f"The tokenizer {type(tokenizer).__name__} refused the text: {error}",
                f"分词器 {type(tokenizer).__name__} 拒绝了该文本：{error}",
            ),
            hint=hint,
        ) from error
    if not isinstance(made, Mapping) or not any(isinstance(value, Tensor) for value in made.values()):
        raise BadInput(
            Text(
                f"The tokenizer {type(tokenizer).__name__} gave {type(made).__name__}, not named tensors.",
                f"分词器 {type(tokenizer).__name__} 给出 {type(made).__name__}，而不是带名称的张量。",
            ),
            hint=Text(
                "it is called as tokenizer(texts, return_tensors='pt')",
                "它以 tokenizer(texts, return_tensors='pt') 的方式调用",
            ),
        )
    ids = made.get("input_ids")
    if isinstance(ids, Tensor) and not ids.numel():
        raise BadInput(
            Text(
                f"The tokenizer {type(tokenizer).__name__} finds no token in the text: {texts[0]!r}.",
                f"分词器 {type(tokenizer).__name__} 在文本中找不到词元：{texts[0]!r}。",
            )
        )
    return dict(made)


def _several(text: str | Sequence[str]) -> list[str]:
    texts = [text] if isinstance(text, str) else list(text)
    if not texts or not all(texts):
        raise BadInput(
            Text("The text is empty.", "文本是空的。")
            if texts
            else Text("The batch of texts is empty: 0 examples.", "这批文本是空的：0 个样本。")
        )
    return texts


def _paired(pair: str | Sequence[str], count: int) -> list[str]:
    """As many second texts as there are first ones.

    Raises:
        BadInput: there are more, or fewer.
    """
    others = _several(pair)
    if len(others) != count:
        raise BadInput(
            Text(
                f"There are {count} texts and {len(others)} to pair them with.",
                f"文本有 {count} 段，与之配对的却有 {len(others)} 段。",
            )
        )
    return others


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
