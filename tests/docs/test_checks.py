"""The page of the checks names every one, in both languages, and its example finds what was planted."""

import pytest

from docs.build import LANGUAGES
from docs.checks import EXAMPLE, grouped, page
from pellucid.diagnose.check import checks


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_carries_every_word_of_every_check(lang):
    text = page(lang)
    for one in checks():
        for said in (one.title, one.why, one.advice):
            assert said.say(lang) in text
        assert f"`{one.name}`" in text


def test_every_check_stands_under_what_it_needs():
    found = grouped()
    assert sum(map(len, found.values())) == len(checks())
    assert {one.name for one in found["x", "labels"]} >= {"overconfident"}
    assert next(iter(found)) == ()


def test_the_example_names_what_was_planted():
    named = {"__name__": "page"}
    exec(EXAMPLE, named)
    assert named["found"][0].check == "dead_units"
    assert "Dead units" in page("en") and "失活的单元" in page("zh")
