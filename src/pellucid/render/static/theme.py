"""Colours of paper and ink, light and dark; the colours of data are the same in both."""

from dataclasses import dataclass

from pellucid.core.errors import BadSetting
from pellucid.core.text import Text, say


@dataclass(frozen=True)
class Theme:
    """Everything that is not data."""

    paper: str
    ink: str
    muted: str
    line: str
    panel: str


THEMES = {
    "light": Theme(paper="#ffffff", ink="#1b1c21", muted="#63646f", line="#cfd0d8", panel="#f2f2f6"),
    "dark": Theme(paper="#17181c", ink="#ececf1", muted="#a2a3b0", line="#44454f", panel="#22232a"),
}
# Told apart by colour-blind readers, and readable on both papers.
CURVES = ("#3388d4", "#e0722b", "#2a9d78", "#c568ae", "#c9940f", "#7b7bea", "#c84b4b", "#7f8791")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
FOR, AGAINST = "#b2182b", "#2166ac"
BAD = "#8a8a8a"
PICK = "#e0722b"


@dataclass(frozen=True)
class Style:
    """How one picture is drawn.

    Args:
        theme: paper and ink.
        lang: language of all words of the picture.
        cmap: the colour map asked for instead of the scale's own, or None.
    """

    theme: Theme
    lang: str = "en"
    cmap: str | None = None

    def say(self, words: Text | str) -> str:
        """The words in the language of the picture."""
        return say(words, self.lang)


def theme_named(name: str) -> Theme:
    """The theme `name`.

    Raises:
        BadSetting: neither "light" nor "dark".
    """
    if name not in THEMES:
        raise BadSetting(f"There is no theme '{name}'.", nearest=", ".join(THEMES))
    return THEMES[name]
