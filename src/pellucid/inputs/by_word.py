"""An attribution to tokens, told per word."""

from dataclasses import replace

import numpy as np

from pellucid.core.errors import BadRequest
from pellucid.core.text import Text
from pellucid.inputs.words import word_of_tokens
from pellucid.results.attribution import Attribution

_SUMMED = Text("One value per word: the sum over its tokens.", "每个词一个值：其各词元之和。", aside=True)
_LARGEST = Text("One value per word: the largest of its tokens.", "每个词一个值：取其各词元中的最大值。", aside=True)


def by_word(result: Attribution) -> Attribution:
    """The same attribution with one value `(batch, word)` for each word instead of each token.

    Shares with a sign add up, so a complete attribution stays complete; of norms and absolute values, which do not add
    up, the largest counts. Special tokens, punctuation and Chinese characters stand for themselves.

    Raises:
        BadRequest: the result is no attribution to tokens.
    """
    base = result.base
    if base is None or base.kind != "tokens" or len(base.names) != len(result.heat):
        kind = "nothing that is known" if base is None else base.kind
        raise BadRequest(f"there are no words: the result lies on {kind}, not on tokens", hint="a text as input")
    read = [word_of_tokens(names) for names in base.names]
    values = np.zeros((len(read), max(len(words) for _, words in read)), result.heat.dtype)
    told = result.facts.get("groups", ())
    for row, (places, words) in enumerate(read):
        whole = len(told) > row and tuple(told[row]) == words  # every token has the value of its word already
        if whole:
            values[row, list(places)] = result.heat[row, : len(places)]
            continue
        spread = np.add if result.heat_signed else np.maximum
        spread.at(values[row], list(places), result.heat[row, : len(places)])
    return result.with_(
        values=values,
        axes=("batch", "word"),
        base=replace(base, names=tuple(words for _, words in read)),
        reduction="none",
        signed=result.heat_signed,
        notes=(*result.notes, _SUMMED if result.heat_signed else _LARGEST),
    )
