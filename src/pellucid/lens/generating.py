"""What a language model writes behind a text, and the table of written tokens by read ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from pellucid.core.errors import BadInput, BadTarget, NotApplicable
from pellucid.core.text import Text
from pellucid.engine.targets.target import Targets
from pellucid.engine.targets.tokens import Continuation, Generated, continued
from pellucid.engine.targets.vocabulary import Texts, Vocabulary, texts_of
from pellucid.inputs.inputs import Inputs
from pellucid.inputs.named_texts import BEGUN
from pellucid.inputs.taken import WRITTEN
from pellucid.inputs.text import token_names
from pellucid.lens.asked import Asking
from pellucid.results.attribution import Attribution
from pellucid.results.matrix import Matrix
from pellucid.results.result import Result

_NOTES = 6
_COLUMNS = 40  # with more of them, each row is drawn as the text
_REDUCED = {
    "l2": Text("A value is the length of what belongs to the token.", "每个值是该词元所得向量的长度。", aside=True),
    "sum": Text("A value is the sum over what belongs to the token.", "每个值是该词元各分量之和。", aside=True),
}
_READ = Text(
    "A row is a token that was written, explained for the logarithm of its probability; a column is a token that was "
    "read before it.",
    "每行是一个写出的词元，解释的是其概率的对数；每列是在它之前读到的词元。",
    aside=True,
)


@dataclass(frozen=True, eq=False)
class Written:
    """A text and what was written behind it.

    Args:
        asked: as asked.
        x: the input with all that was written.
        names: the written tokens.
        grown: whether it is the explained text that was written on; a decoder writes another one.
        greedy: whether the model wrote it.
    """

    asked: Generated
    x: Inputs
    names: tuple[str, ...]
    start: int
    grown: bool
    greedy: bool

    @property
    def targets(self) -> Targets:
        """One for each written token."""
        places = range(self.start, self.start + len(self.names))
        return Targets(tuple(Continuation(name, (at, at + 1)) for name, at in zip(self.names, places, strict=True)))

    def table(self, results: Sequence[Result]) -> tuple[Result, ...]:
        """One matrix where every written token has an attribution to the tokens that were read; else as they are."""
        alike = [one for one in results if isinstance(one, Attribution) and one.base and one.base.kind == "tokens"]
        if len(alike) != len(results) or not alike or len(results) % len(self.names):
            return tuple(results)
        places = len(results) // len(self.names)  # in the order of the places, for each target
        return tuple(self._matrix(alike[place::places]) for place in range(places))

    def _matrix(self, each: Sequence[Attribution]) -> Matrix:
        first = each[0]
        read = first.base.names[0] if first.base is not None else ()
        last = len(read) - 1 if self.grown else len(read)  # the last written token is read by none
        reduced = (_REDUCED[first.reduction],) if first.reduction in _REDUCED else ()
        targets = tuple(one.targets[0] for one in each)
        return Matrix(
            values=np.stack([one.heat[0, :last] for one in each])[None],
            axes=("batch", "position", "token"),
            rows=tuple(map(_bare, self.names)),
            columns=tuple(map(_bare, read[:last])),
            words=(tuple(read[:last]),) if last > _COLUMNS else (),
            unit=first.unit,
            signed=first.heat_signed,
            layer=first.layer,
            targets=targets,
            facts={name: tuple(one.facts.get(name) for one in each) for name in first.facts},
            notes=(self._said(), _READ, *reduced, *self._notes(each)),
            provenance=first.provenance and replace(first.provenance, targets=targets),
        )

    def _notes(self, each: Sequence[Attribution]) -> list[Text]:
        """What is to be said of all rows, and of single ones under their names, of each kind the first."""
        told = [note for note in each[0].notes if all(note in one.notes for one in each)]
        for name, one in zip(self.names, each, strict=True):
            own = [note for note in one.notes if note not in told]
            told += [Text(f"'{_bare(name)}': {note.en}", f"“{_bare(name)}”：{note.say('zh')}") for note in own]
        more = len(told) - _NOTES
        rest = Text(f"Such is to be said of {more} more rows.", f"另有 {more} 行也有类似说明。")
        return told if more <= 1 else [*told[:_NOTES], rest]

    def _said(self) -> Text:
        words = "".join(self.names).strip()
        if self.greedy:
            en, zh = self._ended()
            return Text(f"The model wrote greedily: '{words}'.{en}", f"模型贪心写出：“{words}”。{zh}", aside=True)
        return Text(f"Explained as written: '{words}'.", f"按给定的文字解释：“{words}”。", aside=True)

    def _ended(self) -> tuple[str, str]:
        """That the text was ended before as much was written as was asked for."""
        count, asked = len(self.names), self.asked.what
        if not isinstance(asked, int) or count >= asked:
            return "", ""
        return (
            f" It ended the text there: {count} of the {asked} tokens that were asked for.",
            f"模型随即结束了文本：要求 {asked} 个词元，写出 {count} 个。",
        )


def _bare(name: str) -> str:
    return name.strip() or name


def written(asking: Asking, asked: Generated, tokenizer: object) -> Written:
    """Write behind the text of `asking`.

    Raises:
        NotApplicable: no language model, or no text.
        BadInput: more than one text, or padding in it.
        BadTarget: words that are no token.
    """
    x, texts = asking.x, texts_of(asking.x, tokenizer)
    if x is None or texts is None or texts.vocabulary is None:
        raise NotApplicable(
            Text(
                f"{asked!r} needs a text that a language model goes on writing",
                f"{asked!r} 需要一段由语言模型续写的文本",
            ),
            hint="pl.Lens(model, tokenizer=…)",
        )
    if len(texts.ids) > 1 or len(texts.places(0)) < texts.ids.shape[1]:
        raise BadInput(
            Text(f"{asked!r} takes one text at a time, without padding.", f"{asked!r} 每次只接受一段没有填充的文本。"),
            hint=Text("lens.see(text, ...) for each", "请对每段文本分别使用 lens.see(text, ...)"),
        )
    start = texts.ids.shape[1]
    grown = _greedy(asking, x, texts, asked.what) if isinstance(asked.what, int) else _given(x, texts, asked.what)
    held = _ids(grown, texts)
    names = token_names(held, texts.vocabulary.tokenizer)[0][start:]
    base = {
        name: replace(one, names=token_names(held, texts.vocabulary.tokenizer))
        if (name == WRITTEN) == texts.written
        else one
        for name, one in grown.base.items()
    }
    notes = tuple(note for note in grown.notes if note != BEGUN)
    made = replace(grown, base=base, notes=notes)
    return Written(asked, made, names, start, not texts.written, isinstance(asked.what, int))


def _greedy(asking: Asking, x: Inputs, texts: Texts, count: int) -> Inputs:
    end = getattr(_vocabulary(texts).tokenizer, "eos_token_id", None)
    for _ in range(count):
        output = asking.output(x)
        continued(output, replace(texts, ids=_ids(x, texts)))
        number = int(output[0, -1].argmax())
        x = _longer(x, texts, torch.tensor([number]))
        if number == end:
            break
    return x


def _given(x: Inputs, texts: Texts, words: str) -> Inputs:
    numbers = _vocabulary(texts).tokenizer(words, add_special_tokens=False)["input_ids"]
    if not numbers:
        raise BadTarget(Text(f"{words!r} is no token of this model", f"{words!r} 不是该模型的词元"))
    return _longer(x, texts, torch.tensor(numbers))


def _vocabulary(texts: Texts) -> Vocabulary:
    if texts.vocabulary is None:
        raise NotApplicable(Text("without a tokenizer nothing can be written", "没有分词器，无法写出任何内容"))
    return texts.vocabulary


def _ids(x: Inputs, texts: Texts) -> Tensor:
    return x.tensors["decoder_input_ids" if texts.written else x.explained[0]]


def _longer(x: Inputs, texts: Texts, numbers: Tensor) -> Inputs:
    """The call with more tokens: masks and kinds of token go on as they ended, positions count on."""
    own = "decoder_input_ids" if texts.written else x.explained[0]
    shape = x.tensors[own].shape

    def grown(name: str, value: Tensor) -> Tensor:
        if name == own:
            return torch.cat([value, numbers.to(value)[None]], 1)
        if value.shape != shape or name.startswith("decoder_") != texts.written:
            return value
        more = value[:, -1:].expand(-1, len(numbers))
        counted = 1 + torch.arange(len(numbers), device=value.device) if "position" in name else 0
        return torch.cat([value, more + counted], 1)

    return x.mapped(grown)
