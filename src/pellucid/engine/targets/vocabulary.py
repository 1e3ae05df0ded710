"""What a target must know of a text: what tokens are called, and where each text of a batch begins and ends."""

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from pellucid.core.errors import BadTarget, quoted
from pellucid.core.text import Text
from pellucid.inputs.inputs import Inputs
from pellucid.inputs.spelling import Spelling
from pellucid.inputs.text import token_names

_NEAREST = 3


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """The tokens of a tokenizer as people write them."""

    tokenizer: Any

    @cached_property
    def size(self) -> int:
        """Number of tokens."""
        return len(self.tokenizer) if hasattr(self.tokenizer, "__len__") else len(self.tokenizer.get_vocab())

    def fits(self, scores: int) -> bool:
        """Whether so many scores are one for each token; models often keep some more than there are tokens."""
        return 0.95 * self.size <= scores <= 1.1 * self.size

    def name(self, number: int) -> str:
        """A token alone."""
        if not 0 <= number < self.size:
            return f"#{number}"
        return self._spelling.read([str(self.tokenizer.convert_ids_to_tokens([number])[0])])[0]

    @cached_property
    def _spelling(self) -> Spelling:
        return Spelling.of(self.tokenizer)

    def number(self, words: str) -> int:
        """The one token that is written so; a space before it counts where the vocabulary has both.

        Raises:
            BadTarget: it is no single token; then its parts and the nearest tokens are told.
        """
        unknown = getattr(self.tokenizer, "unk_token_id", None)
        parts = [one for one in self._numbers(words) if one != unknown]
        spoken = [one for one in parts if self.name(one).strip(" ␣")] or parts
        if len(spoken) == 1 and _bare(self.name(spoken[0])) == _bare(words):
            return spoken[0]
        names = [self.name(one) for one in parts]
        what = f"{len(names)} tokens of this model: {quoted(names)}" if len(names) > 1 else "no token of this model"
        begun = [one for one in names if _bare(one)][:1] if len(names) > 1 else []
        raise BadTarget(
            f"'{words}' is {what}",
            nearest=quoted(dict.fromkeys([*begun, *self._nearest(words)])),
            hint="a target is one token; each of several, written behind the text: pl.generated(' …')",
        )

    def _numbers(self, words: str) -> list[int]:
        made = self.tokenizer(words, add_special_tokens=False)["input_ids"]
        return [int(one) for one in made]

    def _nearest(self, words: str) -> list[str]:
        rows = token_names(torch.arange(self.size)[:, None], self.tokenizer)
        start = _bare(words)[:1]
        pool = {_bare(name): name for (name,) in rows if start and _bare(name)[:1] == start}
        return [pool[one] for one in get_close_matches(_bare(words), pool, n=_NEAREST, cutoff=0.5)]


def _bare(words: str) -> str:
    return words.strip(" ␣").casefold()


@dataclass(frozen=True, eq=False)
class Texts:
    """The texts that the model's output belongs to.

    Args:
        ids: `(batch, token)`, padding included.
        mask: of the same shape, whether a token belongs to the text; None: all do.
        vocabulary: what the tokens are called; None where there is no tokenizer.
        written: whether a decoder writes them, beside what an encoder reads.
    """

    ids: Tensor
    mask: Tensor | None = None
    vocabulary: Vocabulary | None = None
    written: bool = False

    def rows(self, start: int, stop: int) -> "Texts":
        """Those of some examples."""
        mask = None if self.mask is None else self.mask[start:stop]
        return Texts(self.ids[start:stop], mask, self.vocabulary, self.written)

    def places(self, row: int) -> list[int]:
        """Where the tokens of a text stand, padding left out."""
        if self.mask is None or not bool(self.mask[row].any()):
            return list(range(self.ids.shape[1]))
        return self.mask[row].nonzero().flatten().tolist()

    def place(self, row: int, length: int, position: int | None = None) -> int:
        """Which position of an output of `length` is meant.

        Args:
            row: which example.
            length: positions of the output; where they are not those of the text, all of them count.
            position: counted in the text from 0, padding left out, negative from its end; None: the masked token if
                there is one, else the last.
        Raises:
            BadTarget: the text is shorter.
        """
        places = self.places(row) if length == self.ids.shape[1] else list(range(length))
        if position is None:
            masked = self._masked(row) if length == self.ids.shape[1] else []
            return masked[0] if masked else places[-1]
        if not -len(places) <= position < len(places):
            raise BadTarget(
                Text(
                    f"there is no position {position}: the text has {len(places)} tokens, 0 to {len(places) - 1}",
                    f"没有位置 {position}：文本有 {len(places)} 个词元，编号 0 至 {len(places) - 1}",
                )
            )
        return places[position]

    def _masked(self, row: int) -> list[int]:
        mask = None if self.vocabulary is None else getattr(self.vocabulary.tokenizer, "mask_token_id", None)
        return [] if mask is None else (self.ids[row] == mask).nonzero().flatten().tolist()

    def names(self, row: int) -> tuple[str, ...]:
        """The tokens of one row as people write them."""
        return token_names(self.ids[row : row + 1], self.vocabulary.tokenizer if self.vocabulary else None)[0]


def texts_of(x: Inputs | None, tokenizer: Any = None) -> Texts | None:
    """The texts among the inputs that the output follows: those of a decoder where there is one; None without text."""
    if x is None:
        return None
    name, mask = ("decoder_input_ids", "decoder_attention_mask")
    if not isinstance(x.kwargs.get(name), Tensor):
        name, mask = (x.explained[0] if x.is_discrete and x.explained else "", "attention_mask")
    ids, given = x.tensors.get(name), x.kwargs.get(mask)
    if ids is None or ids.ndim != 2 or ids.is_floating_point():
        return None
    covering = given.bool() if isinstance(given, Tensor) and given.shape == ids.shape else None
    vocabulary = None if tokenizer is None else Vocabulary(tokenizer)
    return Texts(ids, covering, vocabulary, name == "decoder_input_ids")
