"""Names in HTML: layer names and class labels are text of strangers, and are shown for what they are."""

import unicodedata
from html import escape

HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def visible(words: str) -> str:
    r"""The words with characters that do not show, or that turn the writing around, spelled as `\u202e`."""
    return "".join(_spelled(one) if unicodedata.category(one) in HIDDEN else one for one in words)


def html(words: object) -> str:
    """Words as HTML text or as the value of a quoted attribute, on one line."""
    return escape(visible(str(words)), quote=True)


def prose(words: str) -> str:
    """Words as HTML text that keeps its line breaks."""
    return "<br>".join(html(line) for line in words.splitlines())


def _spelled(one: str) -> str:
    code = ord(one)
    if one in "\n\r\t":
        return {"\n": r"\n", "\r": r"\r", "\t": r"\t"}[one]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
