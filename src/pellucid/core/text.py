"""One sentence in both languages of the project."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """The same words in English and Chinese; `zh` may be empty, then English stands in."""

    en: str
    zh: str = ""

    def say(self, lang: str = "en") -> str:
        """The words in `lang` (`"en"` or `"zh"`)."""
        return self.zh if lang == "zh" and self.zh else self.en

    def __str__(self) -> str:
        return self.en


def say(words: "Text | str", lang: str = "en") -> str:
    """The words in `lang`; a plain string is the same in every language."""
    return words.say(lang) if isinstance(words, Text) else words
