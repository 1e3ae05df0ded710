"""One sentence in both languages of the project."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Text:
    """The same words in English and Chinese; `zh` may be empty, then English stands in.

    Args:
        en, zh: the words.
        aside: of a note: it says how a result was made, and calls for no caution.
    """

    en: str
    zh: str = ""
    aside: bool = field(default=False, kw_only=True)

    def say(self, lang: str = "en") -> str:
        """The words in `lang` (`"en"` or `"zh"`)."""
        return self.zh if lang == "zh" and self.zh else self.en

    def changed(self, change: Callable[[str], str]) -> "Text":
        """Both languages after the same change of a string."""
        return replace(self, en=change(self.en), zh=change(self.zh) if self.zh else "")

    def __str__(self) -> str:
        return self.en


def say(words: "Text | str", lang: str = "en") -> str:
    """The words in `lang`; a plain string is the same in every language."""
    return words.say(lang) if isinstance(words, Text) else words
