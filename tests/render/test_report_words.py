import re

import pytest

from pellucid.render.report_words import FAMILIES, WORDS, counted, phrase


@pytest.mark.parametrize("key", [*WORDS, *FAMILIES])
def test_both_languages_say_it_with_the_same_gaps(key):
    words = WORDS.get(key) or FAMILIES[key]
    assert words.en and re.search(r"[\u4e00-\u9fff（；]", words.zh)
    assert set(re.findall(r"\{\w+\}", words.en)) == set(re.findall(r"\{\w+\}", words.zh))


def test_phrases():
    assert phrase("seed", "en", seed=3) == "seed 3"
    assert [counted("pictures", "en", count) for count in (1, 1200)] == ["1 picture", "1,200 pictures"]
    assert counted("pictures", "zh", 2) == "2 幅图"
