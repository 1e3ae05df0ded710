from collections import UserDict

import pytest
import torch

from pellucid.core.errors import BadInput
from pellucid.inputs.text import token_names, tokenize


class Words:
    """A tokenizer over a fixed vocabulary, called as those of transformers are."""

    all_special_tokens = ("[CLS]", "[PAD]")

    def __init__(self, vocabulary: list[str], pads: bool = True) -> None:
        self.vocabulary, self.pads = vocabulary, pads

    def get_vocab(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.vocabulary)}

    def convert_ids_to_tokens(self, numbers: list[int]) -> list[str]:
        return [self.vocabulary[number] for number in numbers]

    def __call__(self, texts: list[str], return_tensors: str, padding: bool = False) -> UserDict:
        assert return_tensors == "pt"
        if padding and not self.pads:
            raise ValueError("Asking to pad but the tokenizer does not have a padding token.")
        rows = [[self.vocabulary.index(word) for word in text.split()] for text in texts]
        longest = max(map(len, rows))
        return UserDict(
            {
                "attention_mask": torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows]),
                "input_ids": torch.tensor([row + [1] * (longest - len(row)) for row in rows]),
            }
        )


def names(vocabulary: list[str]) -> tuple[str, ...]:
    return token_names(torch.arange(len(vocabulary))[None], Words(vocabulary))[0]


def test_wordpiece_reads_as_its_text() -> None:
    assert names(["[CLS]", "play", "##ing", "chess"]) == ("[CLS]", "play", "ing", " chess")


def test_sentencepiece_reads_as_its_text() -> None:
    assert names(["▁The", "▁cat", "s", "▁", "<0x0A>"]) == (" The", " cat", "s", "␣", "↵")


def test_byte_level_reads_as_its_text() -> None:
    assert names(["The", "Ġcat", "s", "Ċ", "Ġ"]) == ("The", " cat", "s", "↵", "␣")


def test_byte_level_beyond_ascii() -> None:
    assert names(["ä½łå¥½", "ä½", "ł", "Ġ"])[:3] == ("你好", "你", "⋯")
    assert names(["ĠcafÃ©", "Ġ"])[0] == " café"


def test_without_tokenizer_tokens_are_their_numbers() -> None:
    assert token_names(torch.tensor([[3, 14], [15, 9]])) == (("3", "14"), ("15", "9"))
    assert token_names(torch.tensor([3, 14])) == (("3",), ("14",))


def test_tokenize_pads_a_batch() -> None:
    tokenizer = Words(["a", "[PAD]", "b"])
    made = tokenize(["a b", "b"], tokenizer)
    assert made["input_ids"].tolist() == [[0, 2], [2, 1]] and made["attention_mask"].tolist() == [[1, 1], [1, 0]]


@pytest.mark.parametrize(("text", "words"), [("", "text is empty"), ([], "0 examples"), (["a", ""], "text is empty")])
def test_empty_text(text, words) -> None:
    with pytest.raises(BadInput, match=words):
        tokenize(text, Words(["a"]))


def test_tokenizer_that_cannot_pad_tells_how_it_could() -> None:
    with pytest.raises(BadInput, match="padding token") as caught:
        tokenize(["a", "a a"], Words(["a"], pads=False))
    assert "pad_token" in caught.value.hint


def test_tokenizer_that_gives_something_else() -> None:
    with pytest.raises(BadInput, match="not named tensors"):
        tokenize("a", lambda texts, return_tensors: [1, 2])
