"""Tokens as the target: one at a position of a text, or some that stand in the text, given what is before them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from pellucid.core.errors import BadTarget, NotApplicable
from pellucid.core.provenance import TargetInfo
from pellucid.core.text import Text
from pellucid.engine.targets.aims import Resolved, Token, scale_of
from pellucid.engine.targets.vocabulary import Texts
from pellucid.inputs.spelling import MORE


@dataclass(frozen=True)
class Generated:
    """Each token of what a language model writes behind the text.

    Args:
        what: how many tokens it writes, or the words themselves.
    """

    what: int | str

    def __repr__(self) -> str:
        return f"pl.generated({self.what!r})"


@dataclass(frozen=True)
class Continuation:
    """The log-probability of words that stand in the text, given what is before them.

    Args:
        words: as people write them.
        at: first of their tokens and the one after them; None: where the words stand last.
    """

    words: str
    at: tuple[int, int] | None = None

    def __repr__(self) -> str:
        return f"pl.continuation({self.words!r})"

    def resolve(self, output: Tensor, texts: Texts | None) -> Resolved:
        """Fix its place in every text.

        Raises:
            BadTarget: it does not stand in a text, or nothing stands before it.
            NotApplicable: the output is no row of scores over tokens for every position.
        """
        texts = continued(output, texts)
        spans = [self.at or _span(texts, row, self.words) for row in range(len(output))]
        most = max(stop - start for start, stop in spans)
        places, inside = torch.zeros(2, len(spans), most, dtype=torch.long, device=output.device)
        for row, (start, stop) in enumerate(spans):
            places[row, : stop - start] = torch.arange(start, stop)
            inside[row, : stop - start] = 1
        ids = texts.ids.to(output.device).gather(1, places)
        probable = scale_of(output.detach()[0, 0].cpu().double())[0] == "probability"

        def pick(out: Tensor, start: int = 0) -> Tensor:
            rows = torch.arange(len(out), device=out.device)
            example = (rows + start) % len(spans)
            scores = out[rows[:, None], (places[example] - 1).clamp(min=0)]
            logs = scores.log() if probable else scores.log_softmax(-1)
            picked = logs.gather(2, ids[example][:, :, None])[:, :, 0]
            return torch.where(inside[example].bool(), picked, 0).sum(1)

        values = pick(output.detach()).cpu().double().tolist()
        infos = tuple(self._info(one, value) for one, value in zip(spans, values, strict=True))
        return Resolved(pick, ("continuation", tuple(spans), tuple(ids.flatten().tolist())), infos)

    def _info(self, span: tuple[int, int], value: float) -> TargetInfo:
        start, stop = span
        where = f"{start}" if stop == start + 1 else f"{start}–{stop - 1}"
        return TargetInfo(
            f"log-probability of '{self.words}' at {where}, given what is before it",
            None,
            value,
            None,
            "asked",
            "log-probability",
            f"位置 {where} 处‘{self.words}’在其前文条件下的对数概率",
        )


def continued(output: Tensor, texts: Texts | None) -> Texts:
    """The texts, where the output scores for each of their positions which token comes next.

    Raises:
        NotApplicable: it does not.
    """
    known = texts is not None and texts.vocabulary is not None and output.ndim == 3
    if texts is None or texts.vocabulary is None or not known or output.shape[1] != texts.ids.shape[1]:
        raise NotApplicable(
            Text(
                f"a continuation needs scores over tokens at each position of a text, not {tuple(output.shape)}",
                f"续写需要文本每个位置上各词元的得分，而输出为 {tuple(output.shape)}",
            ),
            hint=Text(
                "a language model with its tokenizer, and a text as input", "请用带分词器的语言模型，并以文本作为输入"
            ),
        )
    if not texts.vocabulary.fits(output.shape[2]):
        raise NotApplicable(
            Text(
                f"the output {tuple(output.shape)} has no score for each of the tokens",
                f"输出 {tuple(output.shape)} 并非对每个词元都有得分",
            )
        )
    if getattr(texts.vocabulary.tokenizer, "mask_token_id", None) is not None and not texts.written:
        raise NotApplicable(
            Text(
                "this model fills in masked tokens, it does not continue texts", "该模型填补被遮住的词元，并不续写文本"
            ),
            hint=Text(
                "put the mask token into the text: its position is the usual target",
                "请在文本中放入掩码词元：它的位置就是通常的目标",
            ),
        )
    return texts


def token(words: str | int | None = None, position: int | None = None) -> Token:
    """Explain the score of a token at a position of the text.

    A language model's scores at a position are for the token that comes next (of a masked model: for the token there).
    What a model goes on to write is explained token by token with `pl.generated`.

    Args:
        words: the token as people write it (`" Paris"`: a space before it counts), or its number; None: the predicted.
        position: counted in the text from 0, padding left out, negative from its end; None: the masked token where the
            text has one, else the last.
    """
    return Token(words, position)


def continuation(words: str) -> Continuation:
    """Explain why a language model continues a text with words of several tokens.

    They stand in the text that is passed. The target is the sum of the log-probabilities of their tokens, each given
    all that is before it. Where they stand several times, the last counts. A contrast of two of them needs two texts.

    Args:
        words: as they stand in the text, from the beginning to the end of tokens.
    """
    if not words.strip():
        raise BadTarget(Text("a continuation is empty", "续写的内容是空的"), hint="pl.continuation(' Washington')")
    return Continuation(words)


def generated(what: int | str) -> Generated:
    """Explain each token of what a language model writes behind the text, in one table: written tokens by read ones.

    Each is explained for the logarithm of its probability, given all that stands before it. The whole is read in one
    forward; an encoder with a decoder is explained by what its encoder reads.

    Args:
        what: how many tokens the model writes, each time the most probable one, until the token that ends a text; or
            the words themselves (`" Rome."`: a space before them counts).
    Raises:
        BadTarget: no token.
    """
    if isinstance(what, bool) or (what < 1 if isinstance(what, int) else not what.strip()):
        raise BadTarget(
            Text(f"{what!r} is nothing to write", f"{what!r} 中没有可写的内容"),
            hint=Text(
                "pl.generated(5), or pl.generated(' Washington, D.C.')",
                "pl.generated(5)，或 pl.generated(' Washington, D.C.')",
            ),
        )
    return Generated(what)


def _span(texts: Texts, row: int, words: str) -> tuple[int, int]:
    """First token of the words and the one after them."""
    names = ["" if name == MORE else name.replace("␣", " ") for name in texts.names(row)]
    places, wanted = texts.places(row), words.strip()
    for last in reversed(places):
        held = ""
        if names[last] and not names[last].strip():
            continue
        for first in range(last, places[0] - 1, -1):
            held = names[first] + held
            if held.strip() == wanted and names[first]:
                first -= words[:1] == " " != names[first][:1] and first > places[0] and names[first - 1] == " "
                return _with_rest(names, _started(first, places[0], words), last + 1)
            if len(held.strip()) > len(wanted):
                break
    raise BadTarget(
        Text(f"'{words}' does not stand in the text as whole tokens", f"'{words}' 在文本中不是完整的词元"),
        nearest=", ".join(f"'{one}'" for one in texts.names(row)[-5:]),
        hint=Text(
            "pass the whole text, what is continued and the continuation, as the input",
            "请将整段文本（被续写的部分与续写的内容）作为输入",
        ),
    )


def _with_rest(names: list[str], first: int, stop: int) -> tuple[int, int]:
    """Tokens that hold the rest of the last character belong to it."""
    while stop < len(names) and not names[stop]:
        stop += 1
    return first, stop


def _started(first: int, begin: int, words: str) -> int:
    if first == begin:
        raise BadTarget(
            Text(f"nothing stands before '{words}' in the text", f"文本中 '{words}' 之前没有内容"),
            hint=Text("a continuation needs what it continues", "续写需要有被续写的内容"),
        )
    return first
