"""Failure: the card of a picture that could not be made."""

from dataclasses import dataclass

from pellucid.core.provenance import Words
from pellucid.core.text import Text


@dataclass(frozen=True)
class Failure:
    """Why one method gave nothing; the others are not touched by it.

    Args:
        method: public name of the method.
        reason: one sentence.
        code: the line that asked for it.
        words: what the method says of itself.
        error: the exception.
    """

    method: str
    reason: str
    code: str = ""
    words: Words | None = None
    error: BaseException | None = None

    def describe(self, lang: str = "en") -> str:
        """The reason as a sentence."""
        return Text(f"{self.method} gave no picture: {self.reason}", f"{self.method} 没有生成图像：{self.reason}").say(
            lang
        )
