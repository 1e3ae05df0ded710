"""Tokens as people write them: without the marks of a tokenizer, and with characters that were split put together."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

MORE = "⋯"  # a token that holds only the rest of the character before it
_VISIBLE = {"\n": "↵", "\t": "⇥", "\r": "␍", " ": "␣"}
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_CLOSING = frozenset(".,;:!?)]}%…、。，；：！？）】》”")

Marks = Literal["Ġ", "▁", "##", "@@", "bytes", ""]

_DECODERS: dict[str, Marks] = {"ByteLevel": "Ġ", "WordPiece": "##", "BPEDecoder": "", "Metaspace": "▁", "▁": "▁"}


@dataclass(frozen=True)
class Spelling:
    """How a tokenizer writes its tokens.

    Args:
        marks: `Ġ` (byte-level), `▁` (SentencePiece), `##` (WordPiece), `@@`, `bytes` (one character for each byte), or
            nothing: tokens stand one behind the other.
        suffix: what ends a token that ends a word.
        special: tokens that stand for no text.
        literal: tokens that were added later, written as they are.
    """

    marks: Marks
    suffix: str = ""
    special: frozenset[str] = frozenset()
    literal: frozenset[str] = frozenset()

    @classmethod
    def of(cls, tokenizer: Any) -> "Spelling":
        """That of a tokenizer as transformers makes them."""
        special = frozenset(map(str, getattr(tokenizer, "all_special_tokens", ())))
        added = tokenizer.get_added_vocab() if hasattr(tokenizer, "get_added_vocab") else {}
        backend = getattr(tokenizer, "backend_tokenizer", None)
        suffix = str(getattr(getattr(backend, "model", None), "end_of_word_suffix", None) or "")
        return cls(
            _marks(tokenizer, repr(getattr(backend, "decoder", ""))), suffix, special, frozenset(added) - special
        )

    def read(self, tokens: Sequence[str]) -> tuple[str, ...]:
        """The tokens of one text in a row; one that begins a word begins with a space.

        A character that is split over tokens stands at the first of them, `⋯` at the others; bytes that are no
        character are written `‹e4›`.
        """
        held: list[bytes | str] = []
        fresh = True
        for i, token in enumerate(tokens):
            if token in self.special or token in self.literal:
                held.append(token)
                fresh = True
                continue
            held.append(self._bytes(token, tokens[i - 1] if i else "", fresh=fresh))
            fresh = False
        return tuple(one if tokens[i] in self.special else _shown(one) for i, one in enumerate(_decoded(held)))

    def _bytes(self, token: str, before: str, *, fresh: bool) -> bytes:
        word = token.removesuffix(self.suffix) if self.suffix else token
        if self.marks == "Ġ":
            table = _byte_of()
            made = bytes(table[mark] for mark in word) if all(mark in table for mark in word) else word.encode()
        elif self.marks == "▁":
            byte = _BYTE.fullmatch(word)
            made = bytes([int(byte[1], 16)]) if byte else word.replace("▁", " ").encode()
        elif self.marks == "bytes":
            made = bytes(ord(mark) for mark in word) if all(ord(mark) < 256 for mark in word) else word.encode()
        elif self.marks == "##":
            glued = fresh or word[:1] in _CLOSING or is_spaceless(word) or is_spaceless(before)
            made = (word[2:] if word.startswith("##") else word if glued else f" {word}").encode()
        elif self.marks == "@@":
            made = (
                word.removesuffix("@@") if fresh or before.endswith("@@") else f" {word.removesuffix('@@')}"
            ).encode()
        else:
            made = word.encode()
        spaced = self.suffix and not fresh and before.endswith(self.suffix)
        return b" " + made if spaced else made


def is_spaceless(name: str) -> bool:
    """Whether a token is written without spaces around it: Chinese, Japanese, Thai."""
    return bool(name.strip()) and all(
        "\u3040" <= mark <= "\u30ff" or "\u3400" <= mark <= "\u9fff" or "\u0e00" <= mark <= "\u0e7f"
        for mark in name.strip()
    )


def _marks(tokenizer: Any, decoder: str) -> Marks:
    for sign, marks in _DECODERS.items():
        if sign in decoder:
            return marks
    vocabulary: Collection[str] = tokenizer.get_vocab() if hasattr(tokenizer, "get_vocab") else ()
    if "Ġ" in vocabulary:
        return "Ġ"
    if any(token.startswith("▁") for token in vocabulary):
        return "▁"
    if sum(token.endswith("@@") for token in vocabulary) > 1:
        return "@@"
    if type(tokenizer).__name__.startswith(("ByT5", "Perceiver")):
        return "bytes"
    return "" if type(tokenizer).__name__.startswith("Canine") or " " in vocabulary else "##"


def _decoded(held: Sequence[bytes | str]) -> list[str]:
    """Bytes that stand in a row as the characters that they make together, each at the token where it begins."""
    words = ["" if isinstance(one, bytes) else one for one in held]
    row: list[tuple[int, int]] = []

    def close() -> None:
        at = 0
        while at < len(row):
            owner, length = row[at][0], _length(row[at][1])
            raw = bytes(byte for _, byte in row[at : at + length])
            try:
                words[owner] += raw.decode()
            except UnicodeDecodeError:
                words[owner] += f"‹{raw[0]:02x}›"
                length = 1
            at += length
        row.clear()

    for i, one in enumerate(held):
        if isinstance(one, bytes):
            row += [(i, byte) for byte in one]
        else:
            close()
    close()
    return [word or MORE if isinstance(one, bytes) and one else word for word, one in zip(words, held, strict=True)]


def _length(first: int) -> int:
    return 1 if first < 0xC0 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4


def _shown(word: str) -> str:
    if not word.strip(" "):
        return "␣" * len(word)
    return "".join(_VISIBLE.get(mark, mark) if mark != " " else mark for mark in word)


@cache
def _byte_of() -> dict[str, int]:
    """The byte that each character of a byte-level vocabulary stands for (Radford et al. 2019)."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [one for one in range(256) if one not in plain]
    return {**{chr(one): one for one in plain}, **{chr(256 + place): one for place, one in enumerate(others)}}
