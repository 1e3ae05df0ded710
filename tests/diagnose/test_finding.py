"""A finding in words."""

import pytest

from pellucid.core.text import Text
from pellucid.diagnose.finding import Finding
from pellucid.results.table import Table


def test_it_says_what_where_why_and_what_to_try():
    one = Finding(
        "c", "high", "layer4", Text("S.", "测。"), Table(), Text("T", "题"), Text("W.", "因。"), Text("A.", "法。")
    )
    assert one.describe() == "T at 'layer4'. S. W. A."
    assert one.describe("zh") == "题（layer4）。测。因。法。"
    assert repr(one) == "[high] T at layer4: S."


@pytest.mark.parametrize(("place", "en", "zh"), [("input", "at the input", "（输入）"), ("", "T.", "题。")])
def test_places_that_are_no_layer_are_said_in_words(place, en, zh):
    words = (Text("S.", "测。"), Table(), Text("T", "题"), Text("W.", "因。"), Text("A.", "法。"))
    one = Finding("c", "high", place, *words)
    assert en in one.describe() and zh in one.describe("zh")
