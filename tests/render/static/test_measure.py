import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.render.static.measure import height, plain, shorten, shorten_about, width, wrap


def test_widths_grow_with_words_and_size():
    assert width("", 8) == 0
    assert 0 < width("a", 8) < width("aa", 8) < width("aa", 9)
    assert width("MMMM", 8, "bold") > width("MMMM", 8)
    assert width("a$b$c", 10) == pytest.approx(width("abc", 10) + 2 * width("$", 10), rel=0.1)


@given(st.text("ab 归因。，", max_size=40), st.floats(0.5, 3))
def test_wrapped_lines_fit_and_lose_nothing(words, room):
    lines = wrap(words, room, 9)
    assert "".join("".join(lines).split()) == "".join(words.split())
    for line in lines:
        assert width(line.rstrip("。，"), 9) <= room or " " not in line


@given(st.text("abcxyz.", max_size=60), st.floats(0.3, 3))
def test_shortened_words_fit_and_keep_both_ends(words, room):
    short = shorten(words, room, 9)
    assert width(short, 9) <= room
    if short != words:
        assert "…" in short
        assert short[0] == words[0]


def test_lines_have_a_height():
    assert height(2, 10) == 2 * height(1, 10) > 0.27


def test_words_are_no_mathematics_and_one_line():
    assert plain("a_1 $x$\n b") == r"a_1 \$x\$ b"


@pytest.mark.parametrize("before", ["", "so short ", "a very long beginning of a sentence "])
@pytest.mark.parametrize("after", ["", " the end", " and a very long end of the same sentence"])
def test_a_marked_word_stays_when_its_neighbours_are_cut(before, after):
    words = f"{before}«token»{after}"
    cut = shorten_about(words, 1.4, 8.0)
    assert "«token»" in cut and width(cut, 8.0) <= 1.4
    left, right = cut.split("«token»")
    assert before.endswith(left.lstrip("…")) and after.startswith(right.rstrip("…"))
    assert shorten_about(words, 9.0, 8.0) == words


def test_words_without_a_mark_are_cut_in_the_middle():
    assert shorten_about("blocks.11.attn.softmax", 1.0, 8.0) == shorten("blocks.11.attn.softmax", 1.0, 8.0)
