"""Which tokens belong to one word."""

import re
from collections.abc import Sequence

from pellucid.inputs.spelling import MORE, is_spaceless

_SPECIAL = re.compile(r"\[[A-Z]+\d*\]|<[^<>\s]+>|<\|[^|]+\|>")
_SPACE = (" ", "␣", "↵", "⇥", "␍")


def word_of_tokens(names: Sequence[str]) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """For each token the number of its word, and the words.

    Special tokens (`[CLS]`, `</s>`, `<|endoftext|>`) and the punctuation that ends a word stand alone, and so does each
    character of a script without spaces. Where no token begins with a space, as without a tokenizer, every token is a
    word.

    Args:
        names: tokens as people read them: one that begins a word begins with a space, as `token_names` makes them.
    """
    spaced = any(name.startswith(_SPACE) for name in names)
    starts = [_starts(names, i) if spaced else name != MORE for i, name in enumerate(names)]
    places: list[int] = []
    words: list[str] = []
    for i, name in enumerate(names):
        if not i or starts[i] or _ends(names, starts, i):
            words.append(name)
        else:
            words[-1] += "" if name == MORE else name
        places.append(len(words) - 1)
    return tuple(places), tuple(word.strip() or word for word in words)


def _starts(names: Sequence[str], i: int) -> bool:
    name = names[i]
    if i and name == MORE:
        return False
    before = next((one for one in reversed(names[:i]) if one != MORE), "")
    return (
        i == 0
        or name.startswith(_SPACE)
        or before.endswith(_SPACE)
        or is_special(name)
        or is_special(before)
        or is_spaceless(name)
        or is_spaceless(before)
    )


def _ends(names: Sequence[str], starts: Sequence[bool], i: int) -> bool:
    """Whether token `i` is punctuation between the end of a word and a new beginning."""
    last = i + 1 == len(names) or starts[i + 1]
    return last and names[i] != MORE and not any(mark.isalnum() for mark in names[i])


def is_special(name: str) -> bool:
    """Whether a token stands for no text: `[CLS]`, `<pad>`, `<|endoftext|>`."""
    return _SPECIAL.fullmatch(name) is not None
