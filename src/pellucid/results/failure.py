"""Failure: the card of a picture that could not be made."""

from dataclasses import dataclass

from pellucid.core.errors import PellucidError
from pellucid.core.provenance import Words
from pellucid.core.text import Text


@dataclass(frozen=True)
class Failure:
    """Why one method gave nothing; the others are not touched by it.

    Args:
        method: public name of the method.
        reason: one sentence, in English; `why("zh")` says it in Chinese.
        code: the line that asked for it.
        words: what the method says of itself.
        error: the exception, which knows the reason in both languages.
    """

    method: str
    reason: str
    code: str = ""
    words: Words | None = None
    error: BaseException | None = None

    def why(self, lang: str = "en") -> str:
        """The reason in `lang`."""
        return self.error.words.say(lang) if isinstance(self.error, PellucidError) else self.reason

    def describe(self, lang: str = "en") -> str:
        """The reason as a sentence."""
        en, zh = f"{self.method} gave no picture: ", f"{self.method} 没有生成图像："
        return Text(en, zh).say(lang) + self.why(lang)
