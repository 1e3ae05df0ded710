"""The table of transformers is what the tests measure now."""

import re

import pytest

from docs.architectures import KIND, PAGES, REASONS, page, standing, word_of
from docs.build import LANGUAGES, index
from pellucid.registry import find, names
from tests.oracle.test_vision_attention import TIMM, TORCHVISION
from tools.architectures import LIBRARIES, LIMITS, caught, methods, pictures

ROWS = {(row["library"], row["name"]): row for row in standing()}
# On networks of full size it takes twice as long as all others; tests/methods and the tool look at it.
SLOW = ("attn_lrp",)
AGAIN = "run: python -m tools.architectures"


def test_every_architecture_of_the_oracle_tests_has_its_row():
    listed = [(library, name) for library, those in LIBRARIES.items() for name in those]
    assert list(ROWS) == listed, AGAIN
    assert len(listed) >= 34


@pytest.mark.parametrize(("library", "name"), ROWS)
def test_the_pictures_are_those_that_it_gives_now(library, name):
    stood = ROWS[library, name]["pictures"]
    assert list(stood) == methods(), AGAIN
    slow = () if library == "transformers" else SLOW
    now = pictures(library, name, without=slow)
    assert now == {method: word for method, word in stood.items() if method not in slow}, AGAIN


@pytest.mark.parametrize(("library", "name"), ROWS)
def test_the_errors_are_within_what_the_oracle_tests_hold(library, name):
    row = ROWS[library, name]
    stood = {way: row[way] for way in ("fused", "written") if row[way] is not None}
    assert stood and max(stood.values()) <= LIMITS[library]
    if library == "transformers":
        now = caught(name)
        assert now.pop("kinds") == row["kinds"] and now.keys() == stood.keys(), AGAIN
        assert max(now.values()) <= LIMITS[library]
    else:
        assert row["kinds"] == {"timm": TIMM, "torchvision": TORCHVISION}[library][name], AGAIN


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_is_made_of_the_rows(lang):
    text = PAGES[lang].read_text(encoding="utf-8")
    assert text == page(standing(), lang), AGAIN
    for method in methods():
        assert f"](methods/{method}.md)" in text
    for row in ROWS.values():
        assert text.count(f"| {row['name']} |") + text.count(f"`{row['name']}` |") == 2
        assert all(KIND[kind].say(lang) in text for kind in row["kinds"])
        assert all(f"| {REASONS[word][1].say(lang)} |" in text for word in row["pictures"].values() if word)
    assert "](../architectures.md)" in index([find(name) for name in names()], lang)
    assert lang == "en" or all(re.search(r"[\u4e00-\u9fff]", meaning.zh) for _, _, meaning in REASONS.values())


def test_a_refusal_has_its_word():
    reasons = {
        "'a/attention.0' is windowed attention: it sees one window": "windows",
        "'a' relates 5 tokens with 5, 'b' 9 with 9": "lengths",
        "blocks end in a norm (post-norm, 'a')": "post-norm",
        "between the stream and the scores stand 2 norms: a, b": "norms",
        "logit_lens() raised RuntimeError: no": "fault",
        "something else": "refused",
    }
    assert {reason: word_of(reason) for reason in reasons} == reasons
    assert not [row for row in ROWS.values() if "refused" in row["pictures"].values()], "give it a word in REASONS"
