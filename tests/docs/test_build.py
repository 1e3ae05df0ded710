"""The pages of the documentation say what the methods say, and their links lead to pages."""

import posixpath
import re

import pytest

from docs.build import DOCUMENTS, Page, arguments, document, index
from pellucid import registry

DOCSTRING = """What.

Args:
    layer: where,
        and more.
    low, high: bounds: both.
Returns:
    All: of it.
"""


@pytest.fixture(scope="module")
def specs():
    return [registry.find(name) for name in registry.names()]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_page_carries_every_word_of_its_method(specs, lang):
    assert specs
    for spec in specs:
        text, words = Page(spec, lang).text, spec.words
        for said in (words.title, words.question, words.shows, words.cannot, words.check, words.steps, spec.needs):
            assert said.say(lang) in text
        assert words.paper in text
        assert words.formula in text
        assert all(f"`{name}`" in text for name in spec.settings)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_index_leads_to_every_page(specs, lang):
    text = index(specs, lang)
    assert all(f"]({spec.name}.md)" in text for spec in specs)


def test_arguments_are_read_from_a_docstring():
    assert arguments(DOCSTRING) == {"layer": "where, and more.", "low": "bounds: both.", "high": "bounds: both."}
    assert arguments("What.") == {}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_of_documents_lead_to_pages(name):
    folder = posixpath.dirname(DOCUMENTS[name])
    links = [posixpath.normpath(posixpath.join(folder, link))
             for link in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", document(name))]
    assert not [link for link in links if link not in DOCUMENTS.values() and not link.startswith("images/")]
