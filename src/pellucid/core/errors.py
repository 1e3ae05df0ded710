"""Everything that pellucid raises on purpose.

PellucidError
  BadRequest            what the caller got wrong; raised before or after the pass, never a card
    UnknownMethod       no visualization of that name
    BadSetting          a setting that the method does not have, or a value it cannot take
    LayerNotFound       no such place in this network
    BadTarget           a target that this output does not have
    BadInput            wrong shape, not finite, empty, unreadable
    BadWeights          a weights file that is refused or does not fit the model
  NotApplicable         what this network cannot give; a `Failure` card in `see`
  ModelFailed           the model itself raised; the cause is chained, the graph up to there is in `.trace`
  MethodFault           a method broke the rules of the engine
  Cancelled             the caller stopped the work
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from pellucid.core.text import Text, say

_ASKED_BY, _NEAREST, _TRY = Text("asked by", "出自"), Text("nearest", "最接近的"), Text("try", "可以尝试")


class PellucidError(Exception):
    """What went wrong, and up to three lines of help.

    The exception is English, as `what` and `hint` are; a report and a terminal say `words` and `advice`, which hold
    both languages. Setting `what` or `hint` sets these.

    Args:
        what: one sentence; a `Text` where it is known in both languages.
        asked_by: the call that asked for it, as the user wrote it.
        nearest: the nearest right things that exist.
        hint: what to try.
    """

    def __init__(self, what: str | Text, *, asked_by: str = "", nearest: str = "", hint: str | Text = "") -> None:
        self.what, self.asked_by, self.nearest, self.hint = what, asked_by, nearest, hint
        super().__init__(self.what)

    @property
    def what(self) -> str:
        """One sentence, in English."""
        return self.words.en

    @what.setter
    def what(self, words: str | Text) -> None:
        self.words = _text(words)

    @property
    def hint(self) -> str:
        """What to try, in English."""
        return self.advice.en

    @hint.setter
    def hint(self, words: str | Text) -> None:
        self.advice = _text(words)

    def helps(self, lang: str = "en") -> list[tuple[str, str]]:
        """The lines of help that there are: a name and words, in `lang`."""
        lines = ((_ASKED_BY, self.asked_by), (_NEAREST, self.nearest), (_TRY, self.advice))
        return [(name.say(lang), say(words, lang)) for name, words in lines if str(words)]

    def __str__(self) -> str:
        return "\n".join([self.what, *(f"  {name:<9} {words}" for name, words in self.helps())])


class BadRequest(PellucidError, ValueError):
    """What the caller got wrong."""


class UnknownMethod(BadRequest):
    """No visualization of that name."""


class BadSetting(BadRequest):
    """A setting that the method does not have, or a value that it cannot take."""


class LayerNotFound(BadRequest):
    """No such place in this network."""


class BadTarget(BadRequest):
    """A target that this output does not have."""


class BadInput(BadRequest):
    """An input that the model or the method cannot take."""


class BadWeights(BadRequest):
    """A weights file that is refused or does not fit the model."""


class NotApplicable(PellucidError):
    """What this network cannot give to this method."""


class ModelFailed(PellucidError):
    """The model raised. `trace` holds what ran before; the model's own exception is the `__cause__`."""

    def __init__(
        self,
        what: str | Text,
        *,
        trace: Any = None,
        asked_by: str = "",
        nearest: str = "",
        hint: str | Text = "",
    ) -> None:
        super().__init__(what, asked_by=asked_by, nearest=nearest, hint=hint)
        self.trace = trace


class MethodFault(PellucidError):
    """A method broke a rule of the engine, for example by writing into a tensor that it shares with others."""


class Cancelled(PellucidError):
    """The caller stopped the work between two passes."""


def _text(words: str | Text) -> Text:
    return words if isinstance(words, Text) else Text(words)


def nearest_names(name: str, names: Iterable[str], count: int = 3) -> list[str]:
    """The `count` names most like `name`, best first; the first names where none is alike."""
    pool = list(dict.fromkeys(names))
    return get_close_matches(name, pool, n=count, cutoff=0.4) or pool[:count]


def quoted(names: Iterable[str]) -> str:
    """`'a', 'b'`."""
    return ", ".join(f"'{name}'" for name in names)
