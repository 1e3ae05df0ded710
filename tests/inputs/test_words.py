"""Tokens joined to words."""

import pytest

from pellucid.inputs.words import is_special, word_of_tokens


@pytest.mark.parametrize(
    ("names", "places", "words"),
    [
        (("The", " cat", " sit", "ting"), (0, 1, 2, 2), ("The", "cat", "sitting")),
        (("[CLS]", "un", "believ", "able", " it", "[SEP]", "[PAD]"), (0, 1, 1, 1, 2, 3, 4), None),
        (("<s>", "Hello", " wor", "ld", "</s>"), (0, 1, 2, 2, 3), ("<s>", "Hello", "world", "</s>")),
        ((" a", " cat", ",", " no", "."), (0, 1, 2, 3, 4), ("a", "cat", ",", "no", ".")),
        ((" pi", " 3", ".", "14"), (0, 1, 1, 1), ("pi", "3.14")),
        ((" don", "'", "t", "!"), (0, 0, 0, 1), ("don't", "!")),
        (("17", "4", "9"), (0, 1, 2), ("17", "4", "9")),
        (("[CLS]", "我", " 爱", " ca", "t"), (0, 1, 2, 3, 3), ("[CLS]", "我", "爱", "cat")),
        ((" 我", "爱", "cat", "s"), (0, 1, 2, 2), ("我", "爱", "cats")),
        ((" a", "↵", " b"), (0, 1, 2), ("a", "↵", "b")),
        ((), (), ()),
    ],
)
def test_words(names: tuple[str, ...], places: tuple[int, ...], words: tuple[str, ...] | None) -> None:
    found = word_of_tokens(names)
    assert found[0] == places
    assert words is None or found[1] == words


def test_special_tokens() -> None:
    assert all(map(is_special, ("[CLS]", "[unused1]".upper(), "</s>", "<|endoftext|>", "<pad>")))
    assert not any(map(is_special, (" <", "[", "cls", "a<b>", "[x]")))
