from string import Formatter

import pytest

from pellucid.core.messages import LANGUAGES, catalogue, message
from pellucid.core.text import Text

EN, ZH = (catalogue(lang) for lang in LANGUAGES)


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def test_both_languages_have_the_same_keys():
    assert list(EN) == list(ZH)


@pytest.mark.parametrize("key", EN)
def test_both_languages_have_the_same_placeholders(key):
    assert placeholders(EN[key]) == placeholders(ZH[key])


def test_no_sentence_is_left_in_english():
    same = [key for key in EN if EN[key] == ZH[key] and key != "target.plain"]
    assert not same


def test_a_text_among_the_values_is_said_in_the_language_of_the_sentence():
    said = message("matrix.sink", share="12%", column=Text("start", "开头"))
    assert "start" in said.en
    assert "开头" in said.zh
    assert "start" not in said.zh
