"""Tokens of every kind of tokenizer, read back as their text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from pellucid.inputs.spelling import MORE, Spelling
from pellucid.inputs.words import word_of_tokens

TEXTS = (
    "The cat didn't sit; it ran away, 3.14 times!",
    "\u0627\u0644\u0633\u0644\u0627\u0645 \u0639\u0644\u064a\u0643\u0645",
    "我爱北京。 今天 天气很好",
    "smile 🙂 family 👨‍👩‍👧 naïve café",
    "tab\tand\nline",
)


def byte_level() -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    letters = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        TEXTS[:2], trainers.BpeTrainer(vocab_size=290, initial_alphabet=letters, special_tokens=["<|end|>"])
    )
    return made


def sentencepiece() -> Tokenizer:
    pieces = [("<unk>", 0.0), *((f"<0x{one:02X}>", -9.0) for one in range(256))]
    pieces += [
        ("▁", -3.0),
        ("▁The", -2.0),
        ("▁cat", -2.0),
        ("s", -4.0),
        ("我", -3.0),
        *((one, -5.0) for one in "abcdefghi"),
    ]
    made = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=True))
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never", split=False)
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    return made


def wordpiece() -> Tokenizer:
    words = ["[UNK]", "[CLS]", "the", "cat", "play", "##ing", ",", ".", "我", "爱", "don", "'", "t"]
    made = Tokenizer(models.WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer, made.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
    return made


def with_suffix() -> Tokenizer:
    vocabulary = {one: i for i, one in enumerate(["a", "c", "t", "t</w>", "a</w>", "ca", "cat</w>"])}
    made = Tokenizer(models.BPE(vocabulary, [("c", "a"), ("ca", "t</w>")], end_of_word_suffix="</w>"))
    made.pre_tokenizer, made.decoder = pre_tokenizers.Whitespace(), decoders.BPEDecoder("</w>")
    return made


def names(made: Tokenizer, text: str) -> tuple[str, ...]:
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    return Spelling.of(tokenizer).read(tokenizer.convert_ids_to_tokens(ids))


def joined(shown: tuple[str, ...]) -> str:
    return "".join(one for one in shown if one != MORE).replace("↵", "\n").replace("⇥", "\t").replace("␣", " ")


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("make", [byte_level, sentencepiece])
def test_tokens_in_a_row_read_as_the_text(make, text: str) -> None:
    assert joined(names(make(), text)) == text


BYTES, PIECES = byte_level(), sentencepiece()


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="▁⋯␣↵⇥␍"), min_size=1))
def test_any_text_reads_as_itself(text: str) -> None:
    assert joined(names(BYTES, text)) == text
    assert joined(names(PIECES, text)) == text


def test_a_character_that_is_split_stands_where_it_begins() -> None:
    assert names(byte_level(), "🙂!") == ("🙂", MORE, MORE, MORE, "!")
    assert names(sentencepiece(), "é我") == ("é", MORE, "我")
    assert word_of_tokens(("a", " 🙂", MORE, MORE, "!"))[1] == ("a", "🙂", "!")
    assert word_of_tokens(("你", MORE, "好"))[1] == ("你", "好")


def test_bytes_that_are_no_character_are_told() -> None:
    assert Spelling("▁").read(["<0xE4>", "<0xBD>", "a"]) == ("‹e4›", "‹bd›", "a")
    assert Spelling("▁").read(["<0xE4>"]) == ("‹e4›",) and Spelling("▁").read(["<0xFF>", "b"]) == ("‹ff›", "b")


def test_wordpiece_sets_spaces_as_people_do() -> None:
    assert names(wordpiece(), "The cat, playing.") == ("the", " cat", ",", " play", "ing", ".")
    assert names(wordpiece(), "我爱 cat") == ("我", "爱", "cat")


def test_tokens_that_end_a_word() -> None:
    assert names(with_suffix(), "cat at cat") == ("cat", " a", "t", " cat")


def test_special_and_added_tokens_stay_as_they_are() -> None:
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=byte_level(), eos_token="<|end|>")
    tokenizer.add_tokens(["café"])
    shown = Spelling.of(tokenizer).read(tokenizer.convert_ids_to_tokens(tokenizer("ab café<|end|>")["input_ids"]))
    assert shown[-2:] == ("café", "<|end|>")


def test_other_marks() -> None:
    assert Spelling("@@").read(["wor@@", "ld", "cup"]) == ("wor", "ld", " cup")
    assert Spelling("bytes").read(["h", "Ã", "©", " "]) == ("h", "é", MORE, "␣")
    assert Spelling("").read(["h", "i"]) == ("h", "i")
