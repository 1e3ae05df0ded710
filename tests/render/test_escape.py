import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.render.escape import html, prose, visible


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("layer1.0", "layer1.0"),
        ("a\u202eb", r"a\u202eb"),
        ("\x1b[0m", r"\x1b[0m"),
        ("a\nb", r"a\nb"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("\U000e0041", r"\U000e0041"),
        ("猫", "猫"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_does_not_show_is_spelled(words, shown):
    assert visible(words) == shown


def test_html():
    assert html("<a href='x' id=\"y\">&") == "&lt;a href=&#x27;x&#x27; id=&quot;y&quot;&gt;&amp;"
    assert prose("one <\ntwo") == "one &lt;<br>two"


@given(st.text())
def test_nothing_passes_as_markup(words):
    assert not set(html(words)) & set("<>\"'\n\u202e\u2066")
    html(words).encode()
